import numpy as np
import pytest

from infoxlm.evaluate.metrics import SplitScores
from infoxlm.evaluate.paired import compare_predictions
from infoxlm.evaluate.predictions import Predictions
from infoxlm.evaluate.significance import holm, mcnemar


def predictions(right, rows=None):
    """A run that is right where `right` says so: {language: bool [n]}."""
    labels = {language: np.arange(len(x)) % 3 for language, x in right.items()}
    given = {
        language: np.where(x, labels[language], (labels[language] + 1) % 3)
        for language, x in right.items()
    }
    rows = rows or {language: np.arange(len(x)) for language, x in right.items()}
    count = sum(map(len, right.values()))
    return Predictions(
        np.repeat(list(right), [len(x) for x in right.values()]),
        np.concatenate([rows[language] for language in right]),
        np.concatenate(list(labels.values())),
        np.concatenate(list(given.values())),
        np.full((count, 3), 1 / 3),
    )  # fmt: skip


@pytest.fixture
def right():
    """Two runs in three languages; the second is better in German, equal in English."""
    generator = np.random.default_rng(5)
    first = {language: generator.random(600) < 0.6 for language in ("en", "de", "sw")}
    second = {language: x.copy() for language, x in first.items()}
    second["de"][np.flatnonzero(~first["de"])[:40]] = True
    second["sw"][np.flatnonzero(~first["sw"])[:12]] = True
    second["sw"][np.flatnonzero(first["sw"])[:9]] = False
    return first, second


def test_figures(right):
    first, second = right
    figures = {x.name: x for x in compare_predictions(predictions(first), predictions(second))}
    assert list(figures) == ["de", "en", "sw", "average", "others", "gap"]
    for language in first:
        figure = figures[language]
        assert (figure.first, figure.second) == (first[language].mean(), second[language].mean())
        change = second[language].astype(float) - first[language]
        half = 1.96 * change.std() / np.sqrt(600)
        assert figure.difference == pytest.approx(change.mean())
        assert figure.interval == pytest.approx(
            (change.mean() - half, change.mean() + half), abs=3e-3
        )
    counts = {x: (figures[x].test.only_first, figures[x].test.only_second) for x in first}
    assert counts == {"de": (0, 40), "en": (0, 0), "sw": (9, 12)}
    p_values = [mcnemar(*counts[x]) for x in ("de", "en", "sw")]
    assert [figures[x].test.p_value for x in ("de", "en", "sw")] == p_values
    assert [figures[x].test.p_adjusted for x in ("de", "en", "sw")] == holm(p_values)
    assert [x.name for x in figures.values() if x.is_significant] == ["de", "average", "others"]


def test_summaries_are_those_of_the_reports(right):
    runs = [predictions(x) for x in right]
    figures = {x.name: x for x in compare_predictions(*runs)}
    for run, side in zip(runs, ("first", "second"), strict=True):
        parts = {language: run.languages == language for language in right[0]}
        scores = SplitScores.from_predictions(
            {x: run.labels[part] for x, part in parts.items()},
            {x: run.predicted[part] for x, part in parts.items()},
        )
        for name in ("average", "others", "gap"):
            assert getattr(figures[name], side) == pytest.approx(getattr(scores, name))
    average, gap = figures["average"], figures["gap"]
    assert (average.test.only_first, average.test.only_second) == (9, 52)
    assert average.difference == pytest.approx(43 / 1800)
    assert average.interval.low < average.difference < average.interval.high
    assert average.test.p_adjusted is None
    # English did not change, so the gap shrinks by what the others gained.
    assert gap.difference == pytest.approx(-43 / 1200)
    assert gap.interval == pytest.approx([-x for x in reversed(figures["others"].interval)])
    assert gap.test is None
    assert not gap.is_significant


def test_copies_in_other_languages_add_no_certainty():
    generator = np.random.default_rng(6)
    languages, first = ("de", "fr", "zh"), generator.random(400) < 0.5
    change = generator.random(400) < 0.1

    def compared(second):
        one = predictions(dict.fromkeys(languages, first))
        *single, average = compare_predictions(one, predictions(second))
        assert average.name == "average"
        return single[0], average

    single, average = compared(dict.fromkeys(languages, first ^ change))
    assert average.interval == pytest.approx(single.interval)
    assert average.test.p_value > single.test.p_value / 3
    # Where the languages change in other rows, their average is surer than each.
    single, average = compared({x: first ^ generator.permutation(change) for x in languages})
    width, widths = (x.interval.high - x.interval.low for x in (average, single))
    assert width < 0.75 * widths


def test_equal_runs():
    run = predictions({"en": np.arange(50) % 2 == 0, "ur": np.arange(50) % 3 == 0})
    for figure in compare_predictions(run, run):
        assert (figure.difference, figure.interval) == (0, (0, 0))
        assert figure.test is None or figure.test.p_value == 1
        assert not figure.is_significant


def test_one_language_has_no_summaries():
    first, second = (predictions({"en": np.arange(30) % n == 0}) for n in (2, 3))
    (figure,) = compare_predictions(first, second)
    assert (figure.name, figure.test.only_first, figure.test.only_second) == ("en", 10, 5)
    assert figure.test.p_value == figure.test.p_adjusted == mcnemar(10, 5)


def test_languages_count_the_same_however_many_rows_they_have():
    first = predictions({"de": np.zeros(10, bool), "fr": np.zeros(90, bool)})
    second = predictions({"de": np.ones(10, bool), "fr": np.zeros(90, bool)})
    figures = {x.name: x for x in compare_predictions(first, second)}
    assert figures["average"].difference == pytest.approx(0.5)
    assert figures["average"].interval == pytest.approx((0.5, 0.5))
