import hashlib
from pathlib import Path

import numpy as np
import pytest
from paddle.nn.functional import softmax

from infoxlm import InfoXLMForSequenceClassification
from infoxlm.data.examples import Examples
from infoxlm.data.xnli import WORDS
from infoxlm.errors import UserError
from infoxlm.evaluate.evaluator import Evaluator
from infoxlm.schema import DataConfig, HardwareConfig, TaskConfig
from infoxlm.tasks.classification.task import Task, label_columns

ORDER = {0: "contradiction", 1: "ENTAILMENT", 2: "neutral"}
EVALUATOR = Evaluator(HardwareConfig("cpu", eval_batch_tokens=100))


@pytest.fixture(scope="module")
def task():
    data = DataConfig("sample", root="embedded", eval_languages=["de", "sw"], cache_dir="unused")
    return Task(TaskConfig(), data)


@pytest.fixture(scope="module")
def model(tiny_model):
    return tiny_model()


@pytest.fixture(scope="module")
def languages(random_token_ids):
    """Three languages of different sizes, rows with gaps, labels at random."""
    rng = np.random.default_rng(2)
    return [
        Examples(
            random_token_ids(count, seed=count),
            {"labels": rng.integers(0, 3, count)},
            np.sort(rng.choice(100, count, replace=False)),
            language,
        )
        for language, count in (("sw", 9), ("en", 14), ("de", 5))
    ]


def test_predictions_keep_the_order_of_the_examples(task, model, languages):
    scores, predictions = task.evaluate(model, languages, EVALUATOR)
    assert predictions.languages.tolist() == ["sw"] * 9 + ["en"] * 14 + ["de"] * 5
    start = 0
    for examples in languages:
        part = slice(start, start := start + len(examples))
        labels = examples.targets["labels"]
        np.testing.assert_array_equal(predictions.rows[part], examples.rows)
        gold = [WORDS[label] for label in labels]
        assert predictions.columns["label"][part] == gold
        alone = EVALUATOR.outputs(model, examples.token_ids, 3, softmax)
        found = predictions.columns["probabilities"][part]
        np.testing.assert_allclose(found, alone, rtol=0, atol=2e-6)
        answers = [WORDS[label] for label in alone.argmax(1)]
        assert predictions.columns["predicted"][part] == answers
        right = (alone.argmax(1) == labels).mean()
        assert scores.main_values[examples.language] == pytest.approx(right)
    assert scores.languages == ("sw", "en", "de")
    assert scores.examples == {"de": 5, "en": 14, "sw": 9}


def test_another_order_of_labels_in_the_checkpoint_scores_the_same(
    task, model, tiny_model, languages, tmp_path
):
    """The head's columns and their names are exchanged together."""
    other = tiny_model(id2label=ORDER)
    columns = [WORDS.index(label.lower()) for label in ORDER.values()]
    for parameter in other.classifier.out_proj.parameters():
        parameter.set_value(parameter.numpy()[..., columns])
    assert label_columns(other, WORDS) == [1, 2, 0]
    other.save_pretrained(tmp_path)
    other = InfoXLMForSequenceClassification.from_pretrained(tmp_path)
    scores, predictions = task.evaluate(model, languages, EVALUATOR)
    same_scores, same = task.evaluate(other, languages, EVALUATOR)
    one, other = (each.columns for each in (predictions, same))
    np.testing.assert_allclose(other["probabilities"], one["probabilities"], rtol=0, atol=2e-6)
    assert other["predicted"] == one["predicted"]
    assert same_scores.as_dict() == scores.as_dict()


@pytest.mark.parametrize(
    "names", [{0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"}, {0: "entailment", 1: "contradiction"}]
)
def test_other_labels_are_refused(names, tiny_model):
    with pytest.raises(UserError, match=f"labels are {', '.join(names.values())}, not ent"):
        label_columns(tiny_model(id2label=names), WORDS)


def test_checksums_are_those_of_the_files(task):
    splits = ["train", "dev"]
    task.open(splits)
    checksums = task.checksums(splits)
    assert [Path(file).parts[-2:] for file in checksums] == [
        ("train", "en.tsv"), ("dev", "de.tsv"), ("dev", "sw.tsv")
    ]  # fmt: skip
    for file, checksum in checksums.items():
        assert checksum == hashlib.sha256(Path(file).read_bytes()).hexdigest()


def test_streams_target_the_columns_of_the_checkpoint(task, tiny_model, languages):
    (stream,) = task.streams(tiny_model(id2label=ORDER), languages, batch_size=10, seed=3)
    labels = np.concatenate([examples.targets["labels"] for examples in languages])
    # Ours are entailment, neutral, contradiction.
    columns = np.array([1, 2, 0])[labels]
    np.testing.assert_array_equal(stream.examples.targets["labels"], columns)
    assert (stream.weight, stream.sampler.per_epoch) == (1.0, 3)
    assert len(np.unique(columns)) == 3
