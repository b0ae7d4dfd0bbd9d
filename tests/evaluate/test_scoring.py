import numpy as np
import paddle
import pytest

from infoxlm import InfoXLMForSequenceClassification
from infoxlm.constants import LABELS
from infoxlm.data.token_cache import EncodedExamples
from infoxlm.errors import UserError
from infoxlm.evaluate.scoring import label_columns, predict, score

ORDER = {0: "contradiction", 1: "ENTAILMENT", 2: "neutral"}


@pytest.fixture(scope="module")
def model(tiny_model):
    return tiny_model()


@pytest.fixture(scope="module")
def token_ids(random_token_ids):
    return random_token_ids(50, longest=30)


@pytest.fixture(scope="module")
def languages(random_token_ids):
    """Three languages of different sizes, rows with gaps, labels at random."""
    rng = np.random.default_rng(2)
    return [
        EncodedExamples(
            random_token_ids(count, seed=count),
            rng.integers(0, 3, count),
            np.sort(rng.choice(100, count, replace=False)),
            language,
        )
        for language, count in (("sw", 9), ("en", 14), ("de", 5))
    ]


@pytest.mark.parametrize("max_tokens", [1, 90, 4096])
def test_batches_by_length_predict_as_one_pair_at_a_time(max_tokens, model, token_ids):
    alone = []
    for row in range(len(token_ids)):
        logits = model(paddle.to_tensor(token_ids.padded([row]))).logits.numpy()[0]
        alone.append(np.exp(logits) / np.exp(logits).sum())
    probabilities = predict(model, token_ids, max_tokens=max_tokens)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities, alone, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(probabilities.argmax(1), np.argmax(alone, axis=1))
    assert len(set(probabilities.argmax(1))) > 1


def test_predicting_switches_dropout_off_and_keeps_no_gradient(tiny_model, token_ids):
    model = tiny_model(hidden_dropout_prob=0.5)
    model.train()
    first = predict(model, token_ids, max_tokens=300)
    np.testing.assert_array_equal(predict(model, token_ids, max_tokens=300), first)
    assert not model.training
    assert all(parameter.grad is None for parameter in model.parameters())


def test_predictions_come_in_the_order_of_the_examples(model, languages):
    scores, predictions = score(model, languages, max_tokens=100)
    assert predictions.languages.tolist() == ["sw"] * 9 + ["en"] * 14 + ["de"] * 5
    start = 0
    for examples in languages:
        part = slice(start, start := start + len(examples.labels))
        np.testing.assert_array_equal(predictions.rows[part], examples.rows)
        np.testing.assert_array_equal(predictions.labels[part], examples.labels)
        alone = predict(model, examples.token_ids, max_tokens=100)
        np.testing.assert_allclose(predictions.probabilities[part], alone, rtol=0, atol=1e-6)
        np.testing.assert_array_equal(predictions.predicted[part], alone.argmax(1))
        right = (alone.argmax(1) == examples.labels).mean()
        assert scores.accuracy[examples.language] == pytest.approx(right)
    assert list(scores.accuracy) == ["de", "en", "sw"]
    assert scores.examples == {"de": 5, "en": 14, "sw": 9}


def test_another_order_of_labels_in_the_checkpoint_scores_the_same(
    model, tiny_model, languages, tmp_path
):
    """The head's columns and their names are exchanged together."""
    other = tiny_model(id2label=ORDER)
    columns = [LABELS.index(label.lower()) for label in ORDER.values()]
    for parameter in other.classifier.out_proj.parameters():
        parameter.set_value(parameter.numpy()[..., columns])
    assert label_columns(other) == [1, 2, 0]
    other.save_pretrained(tmp_path)
    other = InfoXLMForSequenceClassification.from_pretrained(tmp_path)
    scores, predictions = score(model, languages, max_tokens=100)
    same_scores, same = score(other, languages, max_tokens=100)
    np.testing.assert_allclose(same.probabilities, predictions.probabilities, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(same.predicted, predictions.predicted)
    assert same_scores.as_dict() == scores.as_dict()


@pytest.mark.parametrize(
    "names", [{0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"}, {0: "entailment", 1: "contradiction"}]
)
def test_other_labels_are_refused(names, tiny_model):
    with pytest.raises(UserError, match=f"labels are {', '.join(names.values()).lower()}, not ent"):
        label_columns(tiny_model(id2label=names))
