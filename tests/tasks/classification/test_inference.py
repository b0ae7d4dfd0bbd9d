"""Labels and probabilities for any number of labels, as Hugging Face's pipeline gives them."""

import numpy as np
import pytest

from infoxlm.errors import UserError
from infoxlm.tasks.classification.inference import ModelInference
from infoxlm.tasks.classification.prediction import sigmoid
from infoxlm.tasks.inference import Encoded
from infoxlm.tasks.probabilities import softmax
from infoxlm.tasks.registry import inference_of
from infoxlm.tokenization.token_ids import TokenIds, offsets_from

LOGITS = np.array([[0.5, -1.0, 3.0], [800.0, 0.0, -800.0]], np.float32)


def decode(config, logits):
    encoded = Encoded(
        TokenIds(np.zeros(len(logits), np.int32), offsets_from(np.ones(len(logits), np.int64))),
        np.arange(len(logits)) == 1,
    )
    return inference_of(config).decode(list(logits), encoded)


def config_of(*labels, **more):
    return {"id2label": {str(number): label for number, label in enumerate(labels)}, **more}


@pytest.mark.parametrize("labels", [("a", "b"), ("a", "b", "c")])
def test_softmax_over_several_labels(labels):
    logits = LOGITS[:, : len(labels)]
    first, second = decode(config_of(*labels), logits)
    powers = np.exp(logits[0].astype(np.float64))
    assert list(first.probabilities) == list(labels)
    assert list(first.probabilities.values()) == pytest.approx(powers / powers.sum(), abs=1e-12)
    assert first.label == labels[logits[0].argmax()]
    assert second.probabilities["a"] == pytest.approx(1.0)
    assert (first.truncated, second.truncated) == (False, True)


def test_sigmoid_of_a_single_label():
    """A single output is one against nothing: its softmax would be 1 whatever it is."""
    low, high = decode(config_of("similar"), np.array([[-2.0], [800.0]], np.float32))
    assert low.probabilities["similar"] == pytest.approx(1 / (1 + np.exp(2.0)), abs=1e-12)
    assert high.probabilities["similar"] == 1.0
    assert low.label == "similar"


def test_sigmoid_of_each_where_several_labels_may_hold():
    config = config_of("a", "b", "c", problem_type="multi_label_classification")
    found = decode(config, LOGITS)[0]
    expected = 1 / (1 + np.exp(-LOGITS[0].astype(np.float64)))
    assert list(found.probabilities.values()) == pytest.approx(expected, abs=1e-12)


def test_values_of_a_regression_as_they_are():
    found = decode(config_of("score", problem_type="regression"), np.array([[3.25]], np.float32))
    assert found[0].probabilities == {"score": 3.25}


def test_columns_and_cells_follow_the_labels():
    config = config_of("no", "yes")
    (prediction,) = decode(config, np.array([[0.0, 0.0]], np.float32))
    inference = inference_of(config)
    assert inference.columns == ("label", "no", "yes", "truncated")
    assert inference.cells(prediction) == ["no", "0.500000", "0.500000", "false"]
    assert inference.record(prediction) == {
        "label": "no",
        "probabilities": {"no": 0.5, "yes": 0.5},
        "truncated": False,
    }


def test_sample_is_the_same_texts_in_every_language():
    rows = ModelInference(config_of("a")).sample_rows("test", 2)
    assert len(rows) == len(set(rows)) == 30
    assert all(len(row) == 2 for row in rows)
    assert not set(rows) & set(ModelInference(config_of("a")).sample_rows("dev", 2))


def test_extreme_logits_stay_finite():
    extremes = np.array([-1e4, 0.0, 1e4], np.float32)
    with np.errstate(over="raise", invalid="raise"):
        assert sigmoid(extremes).tolist() == pytest.approx([0.0, 0.5, 1.0])
        assert softmax(extremes).tolist() == pytest.approx([0.0, 0.0, 1.0])


def test_task_that_is_not_installed_is_named():
    with pytest.raises(UserError, match="task_name=chess: that task is not installed"):
        inference_of({"task_name": "chess"})
    assert isinstance(inference_of({}), ModelInference)
    assert isinstance(inference_of({"task_name": "classification"}), ModelInference)
