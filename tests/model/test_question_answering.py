"""A head for every token, computed without padding on CPUs."""

import numpy as np
import paddle
import pytest
from paddle.nn import functional as F

from infoxlm.model.question_answering import PADDING_LOGIT

KIND = "InfoXLMForQuestionAnswering"
DROPOUTS = ["hidden_dropout_prob", "attention_probs_dropout_prob"]


@pytest.fixture(scope="module", params=[1, 40], ids=["tight", "wide"])
def batch(request, random_token_ids):
    """Sequences of several lengths in a batch; also in one wider than the longest of them."""
    token_ids = random_token_ids(12)
    input_ids = token_ids.padded(range(12), request.param)
    starts, ends = np.random.default_rng(5).integers(0, token_ids.lengths, (2, 12))
    return paddle.to_tensor(input_ids), paddle.to_tensor(np.stack([starts, ends], 1))


def loss_of(model, batch, *, mask=False):
    input_ids, answers = batch
    logits = model(input_ids, input_ids != 1 if mask else None).logits
    return F.cross_entropy(logits.transpose([0, 2, 1]).flatten(0, 1), answers.flatten())


def gradients(model, batch, **how):
    """The loss of a batch, and the gradient of every parameter."""
    model.train()
    loss = loss_of(model, batch, **how)
    loss.backward()
    found = {name: x.grad.numpy() for name, x in model.named_parameters()}
    model.clear_gradients()
    return float(loss), found


def test_tokens_without_padding_have_the_logits_of_a_padded_batch(tiny_model, batch):
    model, (input_ids, _) = tiny_model(KIND), batch
    assert model.roberta.encode_without_padding(input_ids) is not None
    packed = model(input_ids).logits.numpy()
    padded = model(input_ids, input_ids != 1).logits.numpy()
    assert packed.shape == (*input_ids.shape, 2)
    np.testing.assert_allclose(packed, padded, rtol=0, atol=1e-5)
    is_token = input_ids.numpy() != 1
    for logits in (packed, padded):
        assert (logits[~is_token] == PADDING_LOGIT).all()
        weights = F.softmax(paddle.to_tensor(logits), axis=1).numpy()
        for row, length in enumerate(is_token.sum(1)):
            alone = F.softmax(paddle.to_tensor(logits[row, :length]), axis=0)
            np.testing.assert_allclose(weights[row, :length], alone, rtol=1e-6, atol=1e-7)
    assert packed[is_token].std() > 0.1


def test_tokens_without_padding_have_the_gradients_of_a_padded_batch(tiny_model, batch):
    model = tiny_model(KIND)
    loss, packed = gradients(model, batch)
    expected, padded = gradients(model, batch, mask=True)
    assert loss == pytest.approx(expected, abs=1e-6)
    for name, gradient in padded.items():
        atol = 1e-5 * max(1.0, float(np.abs(gradient).max()))
        np.testing.assert_allclose(packed[name], gradient, rtol=0, atol=atol, err_msg=name)


def test_paddles_own_operations_give_the_same_loss(tiny_model, batch, monkeypatch):
    model = tiny_model(KIND)
    loss, fast = gradients(model, batch)
    for condition in ("is_cpu_fp32", "pays_here"):
        monkeypatch.setattr(f"infoxlm.model.cpu.{condition}", lambda *_: False)
    expected, plain = gradients(model, batch)
    assert loss == pytest.approx(expected, abs=1e-6)
    for name, gradient in plain.items():
        atol = 1e-5 * max(1.0, float(np.abs(gradient).max()))
        np.testing.assert_allclose(fast[name], gradient, rtol=0, atol=atol, err_msg=name)


@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_recomputed_activations_see_the_same_dropout(tiny_model, batch, dropout):
    found = []
    for recompute in (False, True):
        paddle.seed(5)
        model = tiny_model(KIND, recompute=recompute, **dict.fromkeys(DROPOUTS, dropout))
        found.append(gradients(model, batch))
    (loss, kept), (again, recomputed) = found
    assert loss == again
    for name, gradient in kept.items():
        np.testing.assert_allclose(recomputed[name], gradient, rtol=1e-6, atol=1e-6, err_msg=name)


def test_dropout_acts_in_training_only(tiny_model, batch):
    model = tiny_model(KIND, **dict.fromkeys(DROPOUTS, 0.5))
    expected = float(loss_of(tiny_model(KIND), batch))
    assert float(loss_of(model, batch)) == expected
    model.train()
    assert abs(float(loss_of(model, batch)) - expected) > 1e-3


def test_padding_between_tokens_is_computed_with(tiny_model, random_token_ids):
    model = tiny_model(KIND)
    behind = random_token_ids(3).padded(range(3), 24)
    before = np.stack([np.roll(row, (row == 1).sum()) for row in behind])
    assert model.roberta.encode_without_padding(paddle.to_tensor(before)) is None
    found = model(paddle.to_tensor(before)).logits.numpy()
    expected = model(paddle.to_tensor(behind)).logits.numpy()
    np.testing.assert_allclose(found[before != 1], expected[behind != 1], rtol=0, atol=1e-5)
    assert (found[before == 1] == PADDING_LOGIT).all()


def test_hidden_states_come_with_the_same_logits(tiny_model, batch):
    model, (input_ids, _) = tiny_model(KIND), batch
    whole = model(input_ids, output_hidden_states=True)
    assert len(whole.hidden_states) == 3
    np.testing.assert_allclose(whole.logits, model(input_ids).logits, rtol=0, atol=1e-5)
    assert model(input_ids).hidden_states is None


def test_a_head_of_three_labels_becomes_one_of_two_outputs(tiny_model):
    config = tiny_model(KIND, id2label={0: "a", 1: "b", 2: "c"}).config
    assert config.num_labels == 2 and config.id2label == {0: "LABEL_0", 1: "LABEL_1"}
