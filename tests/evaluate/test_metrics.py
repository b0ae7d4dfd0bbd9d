import json

import numpy as np
import pytest

from infoxlm.evaluate.intervals import cluster_bootstrap, wilson_interval
from infoxlm.evaluate.metrics import SplitScores

GOLD = {"fr": np.array([0, 0, 1, 2, 2]), "en": np.array([0, 1, 2, 2])}
PREDICTED = {"fr": np.array([0, 2, 1, 1, 0]), "en": np.array([0, 1, 2, 1])}


@pytest.fixture
def scores():
    return SplitScores.from_predictions(GOLD, PREDICTED)


def test_hand_made_confusion(scores):
    assert scores.confusion["fr"].tolist() == [[1, 0, 1], [0, 1, 0], [1, 1, 0]]
    assert scores.confusion["en"].tolist() == [[1, 0, 0], [0, 1, 0], [0, 1, 1]]
    assert scores.pooled_confusion.tolist() == [[2, 0, 1], [0, 2, 0], [1, 2, 1]]


def test_figures(scores):
    assert scores.accuracy == {"en": 0.75, "fr": 0.4}
    assert list(scores.accuracy) == ["en", "fr"]
    assert scores.examples == {"en": 4, "fr": 5}
    assert scores.average == pytest.approx(0.575)
    assert scores.gap == pytest.approx(0.35)
    assert scores.interval["fr"] == wilson_interval(2, 5)


def test_gap_of_three_languages():
    right, wrong = np.zeros(10, np.int64), np.ones(10, np.int64)
    half = np.arange(10) % 2
    scores = SplitScores.from_predictions(
        dict.fromkeys(("en", "sw", "zh"), right), {"en": right, "sw": half, "zh": wrong}
    )
    assert scores.gap == pytest.approx(1 - 0.25)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_no_gap_without_english_or_others(language):
    scores = SplitScores.from_predictions({language: GOLD[language]}, {language: GOLD[language]})
    assert scores.gap is None
    assert scores.as_dict()["gap"] is None


def test_average_interval_knows_the_rows(scores):
    assert scores.average_interval is None
    generator = np.random.default_rng(0)
    gold = generator.integers(0, 3, 200)
    predicted = np.where(generator.random(200) < 0.7, gold, 0)
    rows = np.arange(200)
    both = SplitScores.from_predictions(
        dict.fromkeys(("en", "de"), gold),
        dict.fromkeys(("en", "de"), predicted),
        dict.fromkeys(("en", "de"), rows),
    )
    assert both.average_interval == pytest.approx(cluster_bootstrap(gold == predicted, rows))


def test_dict_survives_json(scores):
    plain = scores.as_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["confusion"]["all"] == [[2, 0, 1], [0, 2, 0], [1, 2, 1]]
    assert plain["interval"]["en"] == list(wilson_interval(3, 4))


def test_scores_come_back_from_their_dict(scores):
    generator = np.random.default_rng(0)
    gold = {language: generator.integers(0, 3, 50) for language in ("en", "de", "zh")}
    predicted = {language: generator.integers(0, 3, 50) for language in gold}
    known = SplitScores.from_predictions(gold, predicted, dict.fromkeys(gold, np.arange(50)))
    for one in (scores, known, SplitScores({"fr": scores.confusion["fr"]})):
        again = SplitScores.from_dict(json.loads(json.dumps(one.as_dict())))
        assert again.as_dict() == one.as_dict()
        assert list(again.confusion) == list(one.confusion)
        assert again.average_interval == one.average_interval
        assert type(again.others_interval) is type(one.others_interval)
        assert again.accuracy == one.accuracy
        for language, counts in one.confusion.items():
            assert again.confusion[language].dtype == counts.dtype
            np.testing.assert_array_equal(again.confusion[language], counts)


@pytest.mark.parametrize(("label", "name"), enumerate(["entailment", "neutral", "contradiction"]))
def test_a_model_that_says_the_same_of_everything_is_recognised(label, name):
    predicted = {language: np.full_like(gold, label) for language, gold in GOLD.items()}
    assert SplitScores.from_predictions(GOLD, predicted).only_prediction == name
    predicted["en"][0] = (label + 1) % 3
    assert SplitScores.from_predictions(GOLD, predicted).only_prediction is None


@pytest.mark.parametrize(
    ("labels", "predictions"),
    [
        ({}, {}),
        ({"en": GOLD["en"]}, {"fr": GOLD["en"]}),
        ({"it": GOLD["en"]}, {"it": GOLD["en"]}),
        ({"en": GOLD["en"]}, {"en": GOLD["fr"]}),
        ({"en": GOLD["en"]}, {"en": np.array([0, 1, 2, 3])}),
        ({"en": GOLD["en"]}, {"en": np.array([0, 1, 2, -1])}),
        ({"en": np.array([], np.int64)}, {"en": np.array([], np.int64)}),
    ],
)
def test_what_does_not_fit_is_refused(labels, predictions):
    with pytest.raises(ValueError):
        SplitScores.from_predictions(labels, predictions)
