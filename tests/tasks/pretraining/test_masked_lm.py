import numpy as np
import paddle
import pytest

from infoxlm.tasks.pretraining.masked_lm import MaskedLMObjective


def test_losses_are_sums_over_the_masked_tokens_of_an_example(tiny_model, random_token_ids):
    model = tiny_model("InfoXLMForMaskedLM")
    input_ids = random_token_ids(5).padded(range(5))
    labels = np.full_like(input_ids, -100)
    for example, (place, label) in enumerate([(1, 7), (2, 9), (1, 11), (3, 5), (2, 8)]):
        labels[example, place] = label
    labels[2, 2:4] = 20, 21
    labels[4] = -100  # without a masked token
    batch = {"input_ids": paddle.to_tensor(input_ids), "labels": paddle.to_tensor(labels)}
    objective = MaskedLMObjective(model)
    losses = objective.loss(objective.forward(batch), batch)
    logits = model(batch["input_ids"]).logits.numpy().astype(np.float64)
    logs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    expected = [
        -sum(logs[example, place, label] for place, label in enumerate(row) if label != -100)
        for example, row in enumerate(labels)
    ]
    assert expected[4] == 0
    assert losses.numpy() == pytest.approx(expected, rel=1e-5)
    losses.sum().backward()  # the table's gradient has both parts: of inputs, and of outputs
    table = model.table.grad.numpy()
    assert np.abs(table[60:]).max() > 0


def test_flops_of_the_head_are_a_masked_tokens(tiny_model):
    model = tiny_model("InfoXLMForMaskedLM", hidden_size=16, vocab_size=70)
    # Forward, and the gradients of input and weights; two operations a weight.
    assert MaskedLMObjective(model).flops_per_weight == 3 * 2 * (16 * 16 + 16 * 70)
