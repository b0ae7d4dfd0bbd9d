import numpy as np
import paddle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paddle.nn import functional as F


@pytest.fixture(scope="module")
def model(tiny_model):
    return tiny_model()


@pytest.fixture(scope="module")
def pairs(random_token_ids):
    return random_token_ids(12)


@pytest.fixture(scope="module")
def alone(model, pairs):
    """The logits of each pair in a batch of its own, where nothing is padded."""
    return np.concatenate(
        [model(paddle.to_tensor(pairs.padded([row]))).logits for row in range(12)]
    )


@given(
    rows=st.lists(st.integers(0, 11), min_size=1, max_size=12), multiple=st.sampled_from([1, 8, 32])
)
@settings(deadline=None, max_examples=30)
def test_company_and_padding_do_not_change_the_logits(model, pairs, alone, rows, multiple):
    logits = model(paddle.to_tensor(pairs.padded(rows, multiple))).logits.numpy()
    np.testing.assert_allclose(logits, alone[rows], rtol=0, atol=2e-6)


def test_what_stands_at_hidden_positions_does_not_matter(model, pairs):
    input_ids = pairs.padded(range(12))
    mask = (input_ids != 1).astype(np.int64)
    derived = model(paddle.to_tensor(input_ids)).logits.numpy()
    for dtype in ("int64", "float32", "bool"):
        given_mask = model(paddle.to_tensor(input_ids), paddle.to_tensor(mask).astype(dtype))
        np.testing.assert_allclose(given_mask.logits.numpy(), derived, rtol=0, atol=2e-6)
    # Other tokens behind the last real one leave the real positions as they are.
    other = np.where(mask == 1, input_ids, 33)
    masked = model(paddle.to_tensor(other), paddle.to_tensor(mask)).logits.numpy()
    np.testing.assert_allclose(masked, derived, rtol=0, atol=2e-6)
    assert np.abs(model(paddle.to_tensor(other)).logits.numpy() - derived).max() > 1e-2


def test_every_other_token_can_change_the_logits(model, pairs):
    input_ids = pairs.padded([int(pairs.lengths.argmax())])
    before = model(paddle.to_tensor(input_ids)).logits.numpy()
    for position in range(input_ids.shape[1]):
        changed = input_ids.copy()
        changed[0, position] = 77
        assert np.abs(model(paddle.to_tensor(changed)).logits.numpy() - before).max() > 1e-4


def test_hidden_states_are_the_embeddings_and_every_block(model, pairs):
    input_ids = paddle.to_tensor(pairs.padded(range(4)))
    encoded = model.roberta(input_ids, output_hidden_states=True)
    assert len(encoded.hidden_states) == 3
    np.testing.assert_array_equal(
        encoded.hidden_states[0].numpy(), model.roberta.embeddings(input_ids).numpy()
    )
    np.testing.assert_array_equal(
        encoded.hidden_states[-1].numpy(), encoded.last_hidden_state.numpy()
    )
    assert model.roberta(input_ids).hidden_states is None
    assert len(model(input_ids, output_hidden_states=True).hidden_states) == 3


@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_recomputing_gives_the_same_gradients(dropout, tiny_model, pairs):
    def gradients(recompute):
        changes = dict.fromkeys(["hidden_dropout_prob", "attention_probs_dropout_prob"], dropout)
        model = tiny_model(recompute=recompute, **changes)
        model.train()
        paddle.seed(5)
        logits = model(paddle.to_tensor(pairs.padded(range(12)))).logits
        F.cross_entropy(logits, paddle.to_tensor(np.arange(12) % 3)).backward()
        return {name: value.grad.numpy() for name, value in model.named_parameters()}

    kept, recomputed = gradients(False), gradients(True)
    assert kept.keys() == recomputed.keys()
    for name in kept:
        np.testing.assert_allclose(recomputed[name], kept[name], rtol=1e-6, atol=1e-7, err_msg=name)


@pytest.mark.parametrize(
    "place", ["hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout"]
)
def test_each_dropout_acts_in_training_mode_only(place, tiny_model, pairs):
    input_ids = paddle.to_tensor(pairs.padded(range(12)))
    # classifier_dropout follows hidden_dropout_prob unless it is set.
    model = tiny_model(**{"classifier_dropout": 0.0, place: 0.5})
    without = tiny_model()(input_ids).logits.numpy()
    np.testing.assert_array_equal(model(input_ids).logits.numpy(), without)
    model.train()
    paddle.seed(1)
    first = model(input_ids).logits.numpy()
    assert np.abs(first - without).max() > 1e-2
    assert np.abs(model(input_ids).logits.numpy() - first).max() > 1e-2
    paddle.seed(1)
    np.testing.assert_array_equal(model(input_ids).logits.numpy(), first)


def test_training_without_dropout_computes_what_evaluation_does(tiny_model, model, pairs):
    input_ids = paddle.to_tensor(pairs.padded(range(12)))
    training = tiny_model()
    training.train()
    np.testing.assert_array_equal(
        training(input_ids).logits.numpy(), model(input_ids).logits.numpy()
    )


def use_paddles_own(monkeypatch):
    """Compute as on GPUs: without any of `infoxlm.model.cpu`."""
    for condition in ("is_cpu_fp32", "pays_here"):
        monkeypatch.setattr(f"infoxlm.model.cpu.{condition}", lambda *_: False)


def gradients(model, input_ids, labels):
    """The loss of a batch, and the gradient of every parameter."""
    model.train()
    loss = model(input_ids, labels=labels).loss
    loss.backward()
    found = {name: x.grad.numpy() for name, x in model.named_parameters() if x.grad is not None}
    model.clear_gradients()
    return float(loss), found


def test_paddles_own_operations_give_the_same_losses_and_gradients(tiny_model, pairs, monkeypatch):
    """On GPUs, in static graphs and at other precisions the modules compute without `model.cpu`."""
    model = tiny_model(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    batch = paddle.to_tensor(pairs.padded(range(12))), paddle.arange(12) % 3
    loss, fast = gradients(model, *batch)
    use_paddles_own(monkeypatch)
    expected_loss, plain = gradients(model, *batch)
    assert loss == pytest.approx(expected_loss, rel=1e-6)
    assert fast.keys() == plain.keys()
    for name, gradient in plain.items():
        atol = 1e-6 * max(1.0, float(np.abs(gradient).max()))
        np.testing.assert_allclose(fast[name], gradient, rtol=0, atol=atol, err_msg=name)


@pytest.mark.parametrize("fast", [True, False])
def test_the_first_token_alone_has_the_same_logits_and_gradients(
    tiny_model, pairs, monkeypatch, fast
):
    if not fast:
        use_paddles_own(monkeypatch)
    model = tiny_model(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    input_ids, labels = paddle.to_tensor(pairs.padded(range(12))), paddle.arange(12) % 3
    loss, found = gradients(model, input_ids, labels)
    whole = model(input_ids, output_hidden_states=True)
    assert whole.hidden_states[-1].shape[1] == input_ids.shape[1]
    F.cross_entropy(whole.logits, labels).backward()
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            np.testing.assert_allclose(found[name], parameter.grad, rtol=0, atol=2e-6)
    assert loss == pytest.approx(float(F.cross_entropy(whole.logits, labels)), rel=1e-6)


def test_recomputed_activations_see_the_same_dropout(tiny_model, pairs):
    batch = paddle.to_tensor(pairs.padded(range(12))), paddle.arange(12) % 3
    results = []
    for recompute in (False, True):
        paddle.seed(5)
        results.append(gradients(tiny_model(recompute=recompute), *batch))
    (loss, kept), (other_loss, recomputed) = results
    assert loss == other_loss
    for name, gradient in kept.items():
        np.testing.assert_allclose(recomputed[name], gradient, rtol=0, atol=1e-6, err_msg=name)
