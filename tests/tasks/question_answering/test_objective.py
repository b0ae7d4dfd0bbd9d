"""The loss is what a softmax over the tokens of each window gives, whatever the batch."""

import numpy as np
import paddle
import pytest

from infoxlm.data.examples import Examples
from infoxlm.model.backward import backward_pass
from infoxlm.tasks.question_answering.objective import QuestionAnsweringObjective


@pytest.fixture(scope="module")
def model(tiny_model):
    return tiny_model("InfoXLMForQuestionAnswering")


@pytest.fixture(scope="module")
def examples(random_token_ids):
    token_ids = random_token_ids(9)
    rng = np.random.default_rng(5)
    start = np.array([rng.integers(length) for length in token_ids.lengths])
    end = np.array([rng.integers(a, b) for a, b in zip(start, token_ids.lengths, strict=True)])
    return Examples(token_ids, {"start": start, "end": end}, np.arange(9), "en")


def losses(model, examples, rows):
    objective = QuestionAnsweringObjective(model)
    batch = examples.batch(np.arange(9), (0, 0)).arrays(np.array(rows))
    tensors = {name: paddle.to_tensor(values) for name, values in batch.items()}
    with backward_pass():
        return objective.loss(objective.forward(tensors), tensors)


def test_loss_is_the_mean_of_two_cross_entropies(model, examples):
    found = losses(model, examples, range(9))
    assert (found.shape, found.dtype) == ([9], paddle.float32)
    for number in range(9):
        ids = examples.token_ids.padded(np.array([number]))
        logits = model(paddle.to_tensor(ids)).logits.numpy()[0].astype(np.float64)
        logs = logits - np.log(np.exp(logits).sum(axis=0))
        wanted = [examples.targets[name][number] for name in ("start", "end")]
        expected = -(logs[wanted[0], 0] + logs[wanted[1], 1]) / 2
        assert float(found[number]) == pytest.approx(expected, rel=2e-5)


def test_loss_does_not_depend_on_the_batch(model, examples):
    together = losses(model, examples, range(9)).numpy()
    lengths = examples.token_ids.lengths
    assert len(set(lengths.tolist())) > 3
    alone = [float(losses(model, examples, [number])[0]) for number in range(9)]
    np.testing.assert_allclose(together, alone, rtol=2e-5)


def test_gradient_reaches_head_and_encoder(model, examples):
    model.clear_gradients()
    losses(model, examples, range(9)).sum().backward()
    for weight in (model.qa_outputs.weight, model.roberta.embeddings.word_embeddings.weight):
        assert float(weight.grad.abs().sum()) > 0
    model.clear_gradients()
