import numpy as np
import paddle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paddle.nn import functional as F

from infoxlm.train.gradient import clip_gradient

COUNT = 40


@pytest.fixture(scope="module")
def model(tiny_model):
    model = tiny_model()
    model.train()
    return model


@pytest.fixture(scope="module")
def examples(random_token_ids, labelled):
    labels = np.random.default_rng(1).integers(0, 3, COUNT)
    return labelled(random_token_ids(COUNT, longest=30), labels)


def gradients(model):
    """Take the gradients out of a model."""
    taken = {
        name: value.grad.numpy()
        for name, value in model.named_parameters()
        if value.grad is not None
    }
    for parameter in model.parameters():
        parameter.clear_gradient(set_to_zero=False)
    return taken


def plain_gradients(model, examples, rows):
    """Compute a textbook's gradients: one padded batch, mean cross-entropy, backward."""
    logits = model(paddle.to_tensor(examples.token_ids.padded(rows))).logits
    labels = paddle.to_tensor(examples.targets["labels"][rows])
    losses = F.cross_entropy(logits, labels, reduction="none")
    losses.mean().backward()
    return losses.flatten().numpy(), gradients(model)


def assert_close(computed, expected):
    assert computed.keys() == expected.keys()
    # Some gradients nearly cancel out (the one of the key's bias is zero but for rounding, since
    # softmax does not see a shift), and what is left is as inexact as the largest is.
    largest = max(np.linalg.norm(value) for value in expected.values())
    for name, value in expected.items():
        allowed = 1e-5 * np.linalg.norm(value) + 1e-6 * largest
        assert np.linalg.norm(computed[name] - value) < allowed, name


@given(
    rows=st.lists(st.integers(0, COUNT - 1), min_size=1, max_size=COUNT, unique=True).map(np.array),
    max_tokens=st.integers(1, 1500),
    max_rows=st.none() | st.integers(1, 9),
)
@settings(deadline=None, max_examples=15)
def test_gradient_matches_one_big_batch(model, examples, accumulate, rows, max_tokens, max_rows):
    losses = accumulate(model, examples, rows, max_tokens=max_tokens, max_rows=max_rows)
    computed = gradients(model)
    expected_losses, expected = plain_gradients(model, examples, rows)
    assert losses.dtype == np.float32
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-5, atol=1e-6)
    assert len(expected) == len(list(model.named_parameters()))
    assert_close(computed, expected)


def test_gradients_add_up_until_cleared(model, examples, accumulate):
    rows = np.arange(8)
    accumulate(model, examples, rows, max_tokens=100)
    once = gradients(model)
    for _ in range(2):
        accumulate(model, examples, rows, max_tokens=100)
    assert_close(gradients(model), {name: 2 * value for name, value in once.items()})


def test_losses_keep_the_order_of_the_rows(model, examples, accumulate):
    rows = np.random.default_rng(0).permutation(COUNT)
    both = {}
    for order in (rows, np.sort(rows)):
        losses = accumulate(model, examples, order, max_tokens=90)
        both[len(both)] = dict(zip(order.tolist(), losses.tolist(), strict=True))
        gradients(model)
    assert both[0] == pytest.approx(both[1], rel=1e-5)
    assert len(set(both[0].values())) > COUNT // 2


# Clipping


def with_gradients(arrays):
    """Parameters that have these gradients; None for one that has none."""
    parameters = []
    for array in arrays:
        parameter = paddle.create_parameter([1] if array is None else array.shape, "float32")
        if array is not None:
            parameter.grad = paddle.to_tensor(array)
        parameters.append(parameter)
    return parameters


def drawn(magnitude):
    """Arrays of all sorts of shapes, of values around 10 to the power of `magnitude`."""
    generator = np.random.default_rng(abs(magnitude))
    shapes = [(3,), (4, 5), (1,), (2, 3, 4), (1000,)]
    return [generator.normal(0, 10.0**magnitude, shape).astype(np.float32) for shape in shapes]


def norm_of(arrays):
    return np.sqrt(sum(np.square(array, dtype=np.float64).sum() for array in arrays))


@given(magnitude=st.integers(-8, 8), share=st.floats(0.01, 3.0) | st.none())
@settings(deadline=None, max_examples=30)
def test_clip_matches_numpy(magnitude, share):
    arrays = drawn(magnitude)
    expected = norm_of(arrays)
    limit = None if share is None else float(share * expected)
    parameters = with_gradients([*arrays[:2], None, *arrays[2:]])
    norm = clip_gradient(parameters, limit)
    assert norm == pytest.approx(expected, rel=1e-5)
    clipped = [parameter.grad.numpy() for parameter in parameters if parameter.grad is not None]
    scale = 1.0 if limit is None or limit >= norm else limit / norm
    for before, after in zip(arrays, clipped, strict=True):
        np.testing.assert_allclose(after, before * scale, rtol=1e-5)
        if scale == 1.0:
            np.testing.assert_array_equal(after, before)
    assert norm_of(clipped) <= (limit or np.inf) * 1.00001
    assert parameters[2].grad is None


@pytest.mark.parametrize("limit", [0.1, 1.0, 1e9])
def test_clip_matches_torch(limit):
    torch = pytest.importorskip("torch")
    arrays = drawn(2)
    theirs = [torch.nn.Parameter(torch.zeros(array.shape)) for array in arrays]
    for parameter, array in zip(theirs, arrays, strict=True):
        parameter.grad = torch.tensor(array)
    expected = torch.nn.utils.clip_grad_norm_(theirs, limit)
    parameters = with_gradients(arrays)
    assert clip_gradient(parameters, limit) == pytest.approx(expected.item(), rel=1e-6)
    for ours, their in zip(parameters, theirs, strict=True):
        np.testing.assert_allclose(ours.grad.numpy(), their.grad.numpy(), rtol=2e-6)


@pytest.mark.parametrize(
    ("value", "expected"), [(np.inf, np.inf), (-np.inf, np.inf), (np.nan, np.nan), (1e30, np.inf)]
)
def test_non_finite_gradients_are_reported_and_kept(value, expected):
    arrays = drawn(0)
    arrays[1][2, 3] = value
    parameters = with_gradients(arrays)
    np.testing.assert_equal(clip_gradient(parameters, 1.0), expected)
    for parameter, array in zip(parameters, arrays, strict=True):
        np.testing.assert_array_equal(parameter.grad.numpy(), array)
