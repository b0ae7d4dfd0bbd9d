import numpy as np
import paddle
import pytest
from paddle.nn.functional import softmax

from infoxlm.distributed.ranks import Ranks
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


@pytest.fixture(scope="module")
def answerer(tiny_model):
    return tiny_model("InfoXLMForQuestionAnswering", hidden_dropout_prob=0.5)


def test_tokens_of_batches_match_one_sequence_at_a_time(answerer, token_ids):
    alone = [
        answerer(paddle.to_tensor(token_ids.padded([row]))).logits.numpy()[0]
        for row in range(len(token_ids))
    ]
    answerer.train()
    for max_tokens in (1, 90, 4096):
        evaluator = Evaluator(HardwareConfig("cpu", eval_batch_tokens=max_tokens))
        found = evaluator.token_outputs(answerer, token_ids, 2)
        assert [x.shape for x in found] == [(length, 2) for length in token_ids.lengths]
        for one, other in zip(found, alone, strict=True):
            assert one.dtype == np.float32
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)
    assert not answerer.training


def test_tokens_of_no_sequences(answerer, random_token_ids):
    evaluator = Evaluator(HardwareConfig("cpu"))
    assert evaluator.token_outputs(answerer, random_token_ids(0), 2) == []


def test_compute_gives_the_tokens_too(answerer, token_ids):
    def compute(input_ids):  # a column more, as some static graphs are given
        return np.stack([np.pad(input_ids, ((0, 0), (0, 1)))] * 2, -1).astype(np.float32)

    evaluator = Evaluator(HardwareConfig("cpu", eval_batch_tokens=90), compute=compute)
    found = evaluator.token_outputs(answerer, token_ids, 2)
    for row, output in enumerate(found):
        np.testing.assert_array_equal(output, np.stack([token_ids[row]] * 2, -1))


def test_ranks_share_the_tokens(answerer, token_ids, monkeypatch):
    def of_rank(rank):
        ranks = Ranks(rank, 2)
        monkeypatch.setattr(ranks, "sum", lambda values: values)
        return Evaluator(HardwareConfig("cpu"), ranks).token_outputs(answerer, token_ids, 2)

    whole = Evaluator(HardwareConfig("cpu")).token_outputs(answerer, token_ids, 2)
    first, second = of_rank(0), of_rank(1)
    for one, other, both in zip(first, second, whole, strict=True):
        assert not one.any() or not other.any()
        np.testing.assert_allclose(one + other, both, rtol=0, atol=1e-5)
    assert any(x.any() for x in first) and any(x.any() for x in second)
