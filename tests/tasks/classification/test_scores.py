import numpy as np
import pytest

from infoxlm.evaluate.intervals import wilson_interval
from infoxlm.tasks.classification.scores import (
    classifier_predictions,
    classifier_scores,
    confusion_matrix,
)

NAMES = ("entailment", "neutral", "contradiction")
GOLD = {"fr": [0, 0, 1, 2, 2], "en": [0, 1, 2, 2]}
PREDICTED = {"fr": [0, 2, 1, 1, 0], "en": [0, 1, 2, 1]}


def predicted(answers, gold=GOLD, names=NAMES):
    sizes = [len(x) for x in gold.values()]
    certain = np.eye(len(names), dtype=np.float32)[np.concatenate(list(answers.values()))]
    return classifier_predictions(
        np.repeat(list(gold), sizes),
        np.concatenate([np.arange(size) for size in sizes]),
        np.concatenate(list(gold.values())),
        0.01 + 0.9 * certain,
        names,
    )


def test_predictions():
    made = predicted(PREDICTED)
    assert made.values["accuracy"].tolist() == [1, 0, 1, 0, 0, 1, 1, 1, 0]
    assert made.columns["label"][:3] == ["entailment", "entailment", "neutral"]
    assert made.columns["predicted"][:3] == ["entailment", "contradiction", "neutral"]
    assert made.columns["probabilities"][0] == [0.91, 0.01, 0.01]


def test_hand_made_confusion():
    scores = classifier_scores(predicted(PREDICTED), NAMES)
    assert scores.main_values == {"fr": 0.4, "en": 0.75}
    assert scores.details == {
        "confusion": {
            "all": [[2, 0, 1], [0, 2, 0], [1, 2, 1]],
            "fr": [[1, 0, 1], [0, 1, 0], [1, 1, 0]],
            "en": [[1, 0, 0], [0, 1, 0], [0, 1, 1]],
        },
        "labels": list(NAMES),
    }
    assert scores.chance == 1 / 3
    assert scores.warning is None
    written = scores.as_dict()
    assert list(written)[:9] == [
        "accuracy", "average", "average_interval", "others", "others_interval", "gap", "examples",
        "interval", "confusion",
    ]  # fmt: skip
    assert written["interval"]["fr"] == list(wilson_interval(2, 5))


def test_two_classes_of_any_name():
    gold, given = {"ko": [0, 1, 1, 1]}, {"ko": [0, 0, 1, 1]}
    scores = classifier_scores(predicted(given, gold, ("no", "yes")), ("no", "yes"))
    assert scores.details["confusion"]["ko"] == [[1, 0], [1, 2]]
    assert (scores.chance, scores.average) == (0.5, 0.75)
    assert classifier_scores(predicted(given, gold, ("a", "b")), ("a", "b"), 0.75).chance == 0.75


def test_accuracy_is_the_diagonal_of_the_confusion_to_the_bit():
    generator = np.random.default_rng(3)
    gold = {x: generator.integers(0, 3, 491) for x in ("de", "en", "sw")}
    given = {x: generator.integers(0, 3, 491) for x in gold}
    scores = classifier_scores(predicted(given, gold), NAMES)
    for language in gold:
        counts = confusion_matrix(gold[language], given[language], 3)
        assert scores.main_values[language] == float(np.trace(counts) / counts.sum())
    assert scores.average == float(np.mean(list(scores.main_values.values())))


@pytest.mark.parametrize(("label", "name"), enumerate(NAMES))
def test_a_model_that_says_the_same_of_everything_is_recognised(label, name):
    given = {language: np.full(len(gold), label) for language, gold in GOLD.items()}
    warning = classifier_scores(predicted(given), NAMES).warning
    assert warning.startswith(f"Every prediction is {name!r}: the model has collapsed")
    given["en"][0] = (label + 1) % 3
    assert classifier_scores(predicted(given), NAMES).warning is None


def test_rows_in_another_script_are_told_apart():
    names = ("no", "yes")
    probabilities = np.array([[0.9, 0.1]] * 6 + [[0.2, 0.8]] * 2, np.float32)
    predictions = classifier_predictions(
        ["ur"] * 5 + ["en"] * 3, np.arange(8), np.array([0, 0, 1, 1, 0, 0, 1, 1]),
        probabilities, names,
    )  # fmt: skip
    in_script = np.array([1, 1, 1, 0, 0, 1, 1, 1], bool)
    scripts = classifier_scores(predictions, names, in_script=in_script).details["scripts"]
    assert scripts.keys() == {"ur"}
    found = {name: (x["examples"], x["accuracy"]) for name, x in scripts["ur"].items()}
    assert found == {"in_script": (3, pytest.approx(2 / 3)), "other": (2, 0.5)}
    low, high = scripts["ur"]["other"]["interval"]
    assert 0 < low < 0.5 < high < 1
    assert "scripts" not in classifier_scores(predictions, names).details
