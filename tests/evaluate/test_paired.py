import numpy as np
import pytest

from infoxlm.evaluate.paired import bootstrap_p_value, compare_predictions
from infoxlm.evaluate.predictions import Predictions
from infoxlm.evaluate.scores import Metric, Scores
from infoxlm.evaluate.significance import holm, mcnemar


def predictions(right):
    """A run whose predictions have these values: {language: [n]}."""
    return Predictions(
        np.repeat(list(right), [len(x) for x in right.values()]),
        np.concatenate([np.arange(len(x)) for x in right.values()]),
        {"accuracy": np.concatenate(list(right.values())).astype(np.float64)},
    )


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
    assert list(figures) == ["en", "de", "sw", "average", "others", "gap"]
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
    p_values = [mcnemar(*counts[x]) for x in first]
    assert [figures[x].test.p_value for x in first] == p_values
    assert [figures[x].test.p_adjusted for x in first] == holm(p_values)
    assert [x.name for x in figures.values() if x.is_significant] == ["de", "average", "others"]


def test_summaries_are_those_of_the_reports(right):
    runs = [predictions(x) for x in right]
    figures = {x.name: x for x in compare_predictions(*runs)}
    for run, side in zip(runs, ("first", "second"), strict=True):
        scores = Scores.from_predictions(run)
        expected = (scores.average, scores.non_english_average, scores.transfer_gap)
        for name, value in zip(("average", "others", "gap"), expected, strict=True):
            assert getattr(figures[name], side) == pytest.approx(value)
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


def test_values_that_are_not_0_or_1_are_tested_by_the_bootstrap():
    generator = np.random.default_rng(8)
    first = {language: generator.random(400) for language in ("en", "ko")}
    noise = generator.normal(0, 0.1, 400)
    second = {"en": first["en"] + noise - noise.mean(), "ko": first["ko"] + 0.05 + noise}
    figures = {x.name: x for x in compare_predictions(*map(predictions, (first, second)))}
    assert figures["en"].test.p_value > 0.9
    assert figures["ko"].test.p_value == 2 / 2001
    assert figures["ko"].test.p_adjusted == 4 / 2001
    assert figures["ko"].test.only_first is None
    assert [x.name for x in figures.values() if x.is_significant] == ["ko", "average", "others"]
    assert figures["gap"].test is None


def test_bootstrap_p_value_is_that_of_a_t_test():
    generator = np.random.default_rng(9)
    for shift, expected in ((0.0, 1.0), (1.96, 0.05), (-1.0, 0.3173)):
        samples = shift + generator.normal(size=200_000)
        assert bootstrap_p_value(samples) == pytest.approx(expected, abs=0.01)
    assert bootstrap_p_value(np.zeros(10)) == 1


def test_another_metric_than_accuracy_is_compared():
    runs = [
        Predictions(np.array(["ko", "ko"]), np.array([0, 1]), {"f1": np.array([0.0, x])})
        for x in (0.0, 1.0)
    ]
    (figure,) = compare_predictions(*runs, Metric("f1"))
    assert (figure.difference, figure.is_language) == (0.5, True)
