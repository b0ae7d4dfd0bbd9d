import numpy as np
import paddle
import pytest
from paddle.nn.functional import softmax

from infoxlm.evaluate.evaluator import Evaluator
from infoxlm.schema import HardwareConfig


@pytest.fixture(scope="module")
def model(tiny_model):
    return tiny_model()


@pytest.fixture(scope="module")
def token_ids(random_token_ids):
    return random_token_ids(50, longest=30)


def probabilities_of(model, token_ids, max_tokens, compute=None):
    evaluator = Evaluator(HardwareConfig("cpu", eval_batch_tokens=max_tokens), compute=compute)
    return evaluator.outputs(model, token_ids, 3, softmax)


@pytest.mark.parametrize("max_tokens", [1, 90, 4096])
def test_batches_by_length_match_one_example_at_a_time(max_tokens, model, token_ids):
    logits = [
        model(paddle.to_tensor(token_ids.padded([row]))).logits.numpy()[0]
        for row in range(len(token_ids))
    ]
    alone = [np.exp(x) / np.exp(x).sum() for x in logits]
    probabilities = probabilities_of(model, token_ids, max_tokens)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities, alone, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(probabilities.argmax(1), np.argmax(alone, axis=1))
    assert len(set(probabilities.argmax(1))) > 1
    evaluator = Evaluator(HardwareConfig("cpu", eval_batch_tokens=max_tokens))
    np.testing.assert_allclose(evaluator.outputs(model, token_ids, 3), logits, rtol=0, atol=1e-5)


def test_dropout_is_off_and_no_gradient_is_kept(tiny_model, token_ids):
    model = tiny_model(hidden_dropout_prob=0.5)
    model.train()
    first = probabilities_of(model, token_ids, 300)
    np.testing.assert_array_equal(probabilities_of(model, token_ids, 300), first)
    assert not model.training
    assert all(parameter.grad is None for parameter in model.parameters())


def test_compute_replaces_the_model(model, token_ids):
    expected = probabilities_of(model, token_ids, 300)
    shapes = []

    def compute(input_ids):
        shapes.append(input_ids.shape)
        return model(paddle.to_tensor(input_ids)).logits.numpy()[:, ::-1].copy()

    found = probabilities_of(model, token_ids, 300, compute)
    np.testing.assert_allclose(found, expected[:, ::-1], rtol=1e-6)
    assert sum(rows for rows, _ in shapes) == len(token_ids)
