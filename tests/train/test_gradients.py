import numpy as np
import paddle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paddle.nn import functional as F

from infoxlm.train.gradients import TrainingPairs, accumulate_gradient

PAIRS = 40


@pytest.fixture(scope="module")
def model(tiny_model):
    model = tiny_model()
    model.train()
    return model


@pytest.fixture(scope="module")
def pairs(random_token_ids):
    labels = np.random.default_rng(1).integers(0, 3, PAIRS)
    return TrainingPairs(random_token_ids(PAIRS, longest=30), labels)


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


def plain_gradients(model, pairs, rows):
    """What a textbook does: one padded batch, mean cross-entropy, backward."""
    logits = model(paddle.to_tensor(pairs.token_ids.padded(rows))).logits
    loss = F.cross_entropy(logits, paddle.to_tensor(pairs.labels[rows]))
    loss.backward()
    return float(loss), gradients(model)


def assert_close(computed, expected):
    assert computed.keys() == expected.keys()
    # Some gradients nearly cancel out (the one of the key's bias is zero but for rounding, since
    # softmax does not see a shift), and what is left is as inexact as the largest is.
    largest = max(np.linalg.norm(value) for value in expected.values())
    for name, value in expected.items():
        allowed = 1e-5 * np.linalg.norm(value) + 1e-6 * largest
        assert np.linalg.norm(computed[name] - value) < allowed, name


@given(
    rows=st.lists(st.integers(0, PAIRS - 1), min_size=1, max_size=PAIRS, unique=True).map(np.array),
    max_tokens=st.integers(1, 1500),
    max_rows=st.none() | st.integers(1, 9),
)
@settings(deadline=None, max_examples=25)
def test_the_gradient_is_that_of_one_big_batch(model, pairs, rows, max_tokens, max_rows):
    loss = accumulate_gradient(model, pairs, rows, max_tokens=max_tokens, max_rows=max_rows)
    computed = gradients(model)
    expected_loss, expected = plain_gradients(model, pairs, rows)
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    assert len(expected) == len(list(model.named_parameters()))
    assert_close(computed, expected)


def test_gradients_add_up_until_they_are_cleared(model, pairs):
    rows = np.arange(8)
    accumulate_gradient(model, pairs, rows, max_tokens=100)
    once = gradients(model)
    for _ in range(2):
        accumulate_gradient(model, pairs, rows, max_tokens=100)
    assert_close(gradients(model), {name: 2 * value for name, value in once.items()})
