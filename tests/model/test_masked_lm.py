"""Masked positions alone are projected, to the same logits and gradients as all of them."""

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest

from infoxlm.model import cpu


@pytest.fixture
def masked(random_token_ids):
    """A padded batch `[6, seq]` and its labels, -100 where no token is masked."""
    input_ids = random_token_ids(6).padded(range(6))
    rng = np.random.default_rng(5)
    is_masked = (rng.random(input_ids.shape) < 0.3) & (input_ids > 3)
    is_masked[:, 1] = True
    return input_ids, np.where(is_masked, rng.integers(4, 60, input_ids.shape), -100)


def gradients(model):
    return {name: x.grad.numpy().copy() for name, x in model.named_parameters()}


@pytest.mark.parametrize("packed", [True, False])
def test_masked_logits_match_those_of_all_tokens(packed, tiny_model, masked, monkeypatch):
    input_ids, labels = (paddle.to_tensor(x) for x in masked)
    is_masked = labels != -100
    found = []
    for project in (True, False):
        if project and not packed:
            monkeypatch.setattr(cpu, "is_cpu_fp32", lambda tensor: False)
        model = tiny_model("InfoXLMForMaskedLM")
        if project:
            logits = model.masked_logits(input_ids, labels)
        else:
            monkeypatch.undo()
            logits = model(input_ids).logits[is_masked]
        F.cross_entropy(logits, labels[is_masked], reduction="sum").backward()
        found.append((logits.numpy(), gradients(model)))
    assert found[0][0].shape == (int(is_masked.sum()), model.config.vocab_size)
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-5, atol=1e-5)
    for name, expected in found[1][1].items():
        if "key.bias" not in name:
            np.testing.assert_allclose(
                found[0][1][name], expected, rtol=1e-4, atol=1e-4, err_msg=name
            )


@pytest.mark.parametrize("packed", [True, False])
def test_first_blocks_alone(packed, tiny_model, masked):
    model = tiny_model("InfoXLMModel", num_hidden_layers=3)
    input_ids = paddle.to_tensor(masked[0])
    states = model(input_ids, output_hidden_states=True).hidden_states
    for blocks in (1, 2, 3):
        if packed:
            first, _ = model.encode_without_padding(input_ids, first_token_only=True, blocks=blocks)
        else:
            mask = paddle.to_tensor((masked[0] != 1).astype(np.int64))
            first = model(input_ids, mask, first_token_only=True, blocks=blocks).last_hidden_state[
                :, 0
            ]
        np.testing.assert_allclose(
            first.numpy(), states[blocks][:, 0].numpy(), rtol=1e-5, atol=1e-5
        )
