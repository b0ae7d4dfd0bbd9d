import numpy as np
import paddle
import pytest
from paddle.nn import functional as F


def test_the_classifier_reads_the_first_token(tiny_model):
    head = tiny_model().classifier
    states = np.random.default_rng(0).normal(size=(4, 7, 16)).astype(np.float32)
    weights = {name: value.numpy() for name, value in head.named_parameters()}
    dense = np.tanh(states[:, 0] @ weights["dense.weight"] + weights["dense.bias"])
    expected = dense @ weights["out_proj.weight"] + weights["out_proj.bias"]
    np.testing.assert_allclose(head(paddle.to_tensor(states)).numpy(), expected, atol=1e-6)


@pytest.mark.parametrize(("given", "used"), [(None, 0.3), (0.0, 0.0), (0.1, 0.1)])
def test_the_classifier_has_the_encoder_s_dropout_unless_told(given, used, tiny_model):
    model = tiny_model(hidden_dropout_prob=0.3, classifier_dropout=given)
    assert model.classifier.dropout.p == used


def test_the_masked_lm_head_is_tied_to_the_word_embeddings(tiny_model):
    model = tiny_model("InfoXLMForMaskedLM")
    names = dict(model.named_parameters())
    assert not any("decoder" in name for name in names)
    input_ids = paddle.to_tensor([[0, 9, 8, 2]])
    before = model(input_ids).logits.numpy()
    # A word that is not in the input is an output only: its logits follow its embedding.
    table = model.roberta.embeddings.word_embeddings.weight
    changed = table.numpy()
    changed[50] *= 2
    table.set_value(changed)
    after = model(input_ids).logits.numpy()
    bias = model.lm_head.bias.numpy()[50]
    np.testing.assert_allclose(after[..., 50] - bias, 2 * (before[..., 50] - bias), rtol=1e-5)
    np.testing.assert_array_equal(np.delete(after, 50, -1), np.delete(before, 50, -1))


def test_losses_are_mean_cross_entropies(tiny_model):
    input_ids = paddle.to_tensor([[0, 9, 8, 2], [0, 7, 2, 1]])
    labels = paddle.to_tensor([2, 0])
    output = tiny_model()(input_ids, labels=labels)
    logits = output.logits.numpy().astype(np.float64)
    losses = np.log(np.exp(logits).sum(-1)) - logits[[0, 1], [2, 0]]
    assert float(output.loss) == pytest.approx(losses.mean(), rel=1e-5)
    assert tiny_model()(input_ids).loss is None

    masked = paddle.to_tensor([[-100, 9, -100, -100], [-100, 7, 2, -100]])
    output = tiny_model("InfoXLMForMaskedLM")(input_ids, labels=masked)
    chosen = output.logits.numpy()[[0, 1, 1], [1, 1, 2]]
    expected = F.cross_entropy(paddle.to_tensor(chosen), paddle.to_tensor([9, 7, 2]))
    assert float(output.loss) == pytest.approx(float(expected), rel=1e-5)
