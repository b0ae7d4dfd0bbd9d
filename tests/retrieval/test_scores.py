import pytest

from infoxlm.evaluate.intervals import wilson_interval
from infoxlm.retrieval.scores import RetrievalScores


@pytest.fixture
def scores():
    """Two languages of unequal size, in layers 4 and 2."""
    scores = RetrievalScores()
    scores.add(4, "de", 100, {"en_to_xx": 90, "xx_to_en": 80})
    scores.add(2, "de", 100, {"en_to_xx": 50, "xx_to_en": 100})
    scores.add(4, "sw", 10, {"en_to_xx": 4, "xx_to_en": 6})
    scores.add(2, "sw", 10, {"en_to_xx": 2, "xx_to_en": 8})
    return scores


def test_accuracy_and_average(scores):
    assert scores.accuracy(4, "en_to_xx") == {"de": 0.9, "sw": 0.4}
    assert scores.accuracy(2, "xx_to_en") == {"de": 1.0, "sw": 0.8}
    # Each language counts the same, whatever its size.
    assert scores.average(4, "en_to_xx") == pytest.approx(0.65)
    assert scores.average(2, "xx_to_en") == pytest.approx(0.9)


def test_best_layer_is_by_both_directions_and_of_equal_ones_the_first(scores):
    # (0.65 + 0.7) / 2 against (0.35 + 0.9) / 2.
    assert scores.best_layer == 4
    scores.add(2, "sw", 10, {"en_to_xx": 4, "xx_to_en": 8})
    assert scores.average(2, "en_to_xx") == pytest.approx(0.45)
    assert scores.best_layer == 2


def test_tags(scores):
    tags = scores.tags(2)
    assert tags["tatoeba/en_to_xx/de"] == 0.5
    assert tags["tatoeba/xx_to_en/sw"] == 0.8
    assert tags["tatoeba/en_to_xx/average"] == pytest.approx(0.35)
    assert len(tags) == 6


def test_dictionary(scores):
    found = scores.as_dict()
    assert found["pairs"] == {"de": 100, "sw": 10}
    assert found["best_layer"] == 4
    assert list(found["layers"]) == ["2", "4"]
    there = found["layers"]["4"]["en_to_xx"]
    assert there["accuracy"] == {"de": 0.9, "sw": 0.4}
    assert there["average"] == pytest.approx(0.65)
    assert there["interval"]["sw"] == list(wilson_interval(4, 10))
