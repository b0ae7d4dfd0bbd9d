import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infoxlm.evaluate.intervals import cluster_bootstrap, wilson_interval
from infoxlm.evaluate.predictions import Predictions
from infoxlm.evaluate.scores import ACCURACY, Metric, Scores, check_scores
from infoxlm.schema import SelectOn

F1, EXACT = Metric("f1"), Metric("exact_match")
ERROR = Metric("squared_error", percent=False, higher_is_better=False)


def predictions(**worth):
    """Predictions of some languages whose values of accuracy are given."""
    return Predictions(
        np.repeat(list(worth), [len(x) for x in worth.values()]),
        np.concatenate([np.arange(len(x)) for x in worth.values()]),
        {"accuracy": np.concatenate([np.asarray(x, np.float64) for x in worth.values()])},
    )


def scores(**worth):
    return Scores.from_predictions(predictions(**worth))


@pytest.fixture
def found():
    return scores(fr=[1, 0, 1, 0, 0], en=[1, 1, 1, 0])


def test_figures_by_hand(found):
    assert found.main_values == {"fr": 0.4, "en": 0.75}
    assert found.languages == ("fr", "en")
    assert found.examples == {"fr": 5, "en": 4}
    assert found.average == (0.4 + 0.75) / 2
    assert found.non_english_average == 0.4
    assert found.transfer_gap == 0.75 - 0.4
    assert found.intervals == {"fr": wilson_interval(2, 5), "en": wilson_interval(3, 4)}
    assert found.value(SelectOn.dev_average) == found.average
    assert found.value(SelectOn.dev_en) == 0.75


def test_any_language_is_scored():
    found = scores(ko=[1, 0], ja=[1, 1], xx_new=[0, 0])
    assert found.main_values == {"ko": 0.5, "ja": 1.0, "xx_new": 0.0}
    assert (found.average, found.transfer_gap) == (0.5, None)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_no_gap_without_english_or_others(language):
    found = scores(**{language: [1, 0]})
    assert (found.transfer_gap, found.non_english_average) == (None, None)
    assert found.non_english_average_interval is None
    assert found.as_dict()["gap"] is None


def test_accuracy_in_the_form_of_before():
    """To the bit what NumPy makes of the answers, under the keys that results.json always had."""
    generator = np.random.default_rng(0)
    right = {x: generator.random(n) < 0.6 for x, n in (("de", 50), ("en", 41), ("zh", 50))}
    written = scores(**right).as_dict()
    shares = {language: float(np.trace(np.diag(x)) / len(x)) for language, x in right.items()}
    others = float(np.mean([shares["de"], shares["zh"]]))

    def interval(*languages):
        return list(
            cluster_bootstrap(
                np.concatenate([right[x] for x in languages]),
                np.concatenate([np.arange(len(right[x])) for x in languages]),
                weights=np.concatenate([np.ones(len(right[x])) / len(right[x]) for x in languages]),
            )
        )

    assert written == {
        "accuracy": shares,
        "average": float(np.mean(list(shares.values()))),
        "average_interval": interval("de", "en", "zh"),
        "others": others,
        "others_interval": interval("de", "zh"),
        "gap": shares["en"] - others,
        "examples": {"de": 50, "en": 41, "zh": 50},
        "interval": {x: list(wilson_interval(int(y.sum()), len(y))) for x, y in right.items()},
        "metric": {"name": "accuracy", "percent": True, "higher_is_better": True},
        "chance": None,
    }  # fmt: skip


#: As a version before wrote it: two of five right in German, three of four in English.
OF_BEFORE = """{
  "accuracy": {"de": 0.4, "en": 0.75},
  "average": 0.575,
  "average_interval": [0.14285714285714285, 0.911111111111111],
  "others": 0.4,
  "others_interval": [0.0, 0.8],
  "gap": 0.35,
  "examples": {"de": 5, "en": 4},
  "interval": {
    "de": [0.11762077423264783, 0.769275718723987],
    "en": [0.30064184258240184, 0.9544127391902995]
  },
  "confusion": {
    "all": [[2, 0, 1], [0, 2, 0], [1, 2, 1]],
    "de": [[1, 0, 1], [0, 1, 0], [1, 1, 0]],
    "en": [[1, 0, 0], [0, 1, 0], [0, 1, 1]]
  }
}"""


def test_scores_of_before_are_read():
    written = json.loads(OF_BEFORE)
    read = Scores.from_dict(written)
    assert read.main == ACCURACY
    assert read.main_values == written["accuracy"]
    assert read.intervals == {"de": wilson_interval(2, 5), "en": wilson_interval(3, 4)}
    assert read.average_interval == (0.14285714285714285, 0.911111111111111)
    assert read.details == {"confusion": written["confusion"]}
    assert read.chance == 1 / 3
    again = read.as_dict()
    assert {key: again[key] for key in written} == written
    computed = scores(de=[1, 0, 1, 0, 0], en=[1, 1, 1, 0]).as_dict()
    assert {key: computed[key] for key in written if key != "confusion"} == {
        key: found for key, found in written.items() if key != "confusion"
    }


def test_the_least_that_was_ever_written_is_read():
    read = Scores.from_dict({"accuracy": {"en": 0.5}, "average": 0.5})
    assert (read.average, read.examples, read.intervals, read.chance) == (0.5, {}, {}, None)


@st.composite
def some_scores(draw):
    languages = draw(st.lists(st.text(min_size=1, max_size=3), min_size=1, max_size=4, unique=True))
    main = Metric(draw(st.sampled_from(("accuracy", "f1", "spearman"))), *draw(
        st.tuples(st.booleans(), st.booleans())
    ))  # fmt: skip
    count = draw(st.integers(1, 5))
    values = st.floats(0, 1) if draw(st.booleans()) else st.sampled_from([0.0, 1.0])
    size = count * len(languages)
    worth = {
        name: np.array(draw(st.lists(values, min_size=size, max_size=size)))
        for name in (main.name, "second")
    }
    made = Predictions(
        np.repeat(np.array(languages), count), np.tile(np.arange(count), len(languages)), worth
    )
    chance, warning = draw(st.none() | st.floats(0, 1)), draw(st.none() | st.just("odd"))
    details, explanation = {"note": [1, {"a": "b"}]}, draw(st.none() | st.just("By rules."))
    return Scores.from_predictions(
        made, main, [Metric("second")], chance, details, warning, explanation
    )


@given(some_scores())
def test_scores_come_back_from_their_dict(found):
    again = Scores.from_dict(json.loads(json.dumps(found.as_dict())))
    assert again == found
    assert list(again.main_values) == list(found.main_values)


def test_a_metric_that_is_no_share():
    errors = np.array([0.5, 2.5, 4.0, 0.0, 1.0, 2.0])
    made = Predictions(
        np.array(["en"] * 3 + ["ko"] * 3), np.tile([0, 1, 2], 2), {"squared_error": errors}
    )
    found = Scores.from_predictions(made, ERROR)
    assert found.main_values == {"en": 7 / 3, "ko": 1.0}
    assert found.intervals["ko"] == cluster_bootstrap(errors[3:], np.arange(3))
    more = Predictions(made.languages, made.rows, {"squared_error": errors + 1})
    worse = Scores.from_predictions(more, ERROR)
    assert found.better_than(worse, SelectOn.dev_average)
    assert not worse.better_than(found, SelectOn.dev_en)
    assert not found.better_than(found, SelectOn.dev_en)
    assert found.summary() == "average 1.667, gap to English 1.333"
    assert found.tags("dev") == {
        "dev/squared_error/en": 7 / 3, "dev/squared_error/ko": 1.0,
        "dev/squared_error/average": (7 / 3 + 1) / 2, "dev/gap": 7 / 3 - 1,
    }  # fmt: skip


def test_several_metrics():
    worth = {"f1": np.array([0.5, 1.0]), "exact_match": np.array([0.0, 1.0])}
    made = Predictions(np.array(["en", "en"]), np.array([0, 1]), worth)
    found = Scores.from_predictions(made, F1, [EXACT])
    assert found.summary() == "average 75.0 %, exact match 50.0 %"
    assert found.tags("test") == {
        "test/f1/en": 0.75, "test/f1/average": 0.75,
        "test/exact_match/en": 0.5, "test/exact_match/average": 0.5,
    }  # fmt: skip
    written = found.as_dict()
    assert (written["f1"], written["exact_match"]) == ({"en": 0.75}, {"en": 0.5})


def test_averages_over_some_languages():
    made = scores(en=[1, 1], de=[1, 0], ko=[0, 0])
    assert made.average_of(ACCURACY) == made.average == 0.5
    assert made.average_of(ACCURACY, ["ko", "de"]) == 0.25


def test_summary_is_one_of_a_log(found):
    assert found.summary() == "average 57.5 %, gap to English 35.0"
    assert scores(en=[0, 0], de=[1, 0]).summary() == "average 25.0 %, gap to English -50.0"


def test_average_interval_knows_the_rows():
    right = np.random.default_rng(0).random(200) < 0.7
    assert scores(en=right, de=right).average_interval == pytest.approx(
        cluster_bootstrap(right, np.arange(200))
    )


def test_predictions_that_do_not_fit_are_an_error():
    with pytest.raises(ValueError, match="f1"):
        Scores.from_predictions(predictions(en=[1]), F1)
    with pytest.raises(ValueError, match="0 predictions"):
        scores(en=[])


SHARE = {"accuracy": {"en": 0.5}, "average": 0.5}


@pytest.mark.parametrize(
    "damage",
    [
        {"accuracy": {}},
        {"accuracy": {"en": "x"}},
        {"accuracy": {"en": 1e9}},
        {"average": None},
        {"interval": {"en": [1]}},
        {"average_interval": 3},
        {"chance": "x"},
        {"explanation": 3},
        {"metric": 3},
        {"metric": {"name": "f1"}},
        {"metric": {"name": "average_interval"}, "average_interval": [0, 1]},
        {"metric": {"name": "accuracy", "percent": 1}},
        {"secondary_metrics": [{"name": "f1"}]},
        {"secondary_metrics": [{"name": "f1"}], "f1": {"de": 0.5}},
    ],
    ids=str,
)
def test_damaged_scores_are_an_error(damage):
    check_scores(SHARE)
    with pytest.raises(ValueError):
        Scores.from_dict(SHARE | damage)


def test_values_as_they_are_shown():
    assert ACCURACY.shown(0.61249) == "61.2"
    assert ACCURACY.shown(-0.034, signed=True) == "−3.4"
    assert ACCURACY.shown(-0.0001) == "0.0"
    assert ACCURACY.shown(None) == ""
    assert ACCURACY.with_unit(0.61249, digits=2) == "61.25 %"
    assert ERROR.shown(0.61249, signed=True) == "+0.612"
    assert ERROR.with_unit(2) == "2.000"
    assert (EXACT.unit, ERROR.unit) == ("exact match in percent", "squared error")


def test_further_figures_are_logged_and_written():
    figures = {"perplexity": {"en": 12.5, "de-en": 30.5}}
    found = Scores.from_predictions(predictions(fr=[1, 0]), figures=figures)
    assert found.tags("dev") == {
        "dev/accuracy/fr": 0.5, "dev/accuracy/average": 0.5,
        "dev/perplexity/en": 12.5, "dev/perplexity/de-en": 30.5, "dev/perplexity/average": 21.5,
    }  # fmt: skip
    written = json.loads(json.dumps(found.as_dict()))
    assert written["figures"] == figures
    assert Scores.from_dict(written) == found
    assert "figures" not in scores(fr=[1, 0]).as_dict()
    with pytest.raises(ValueError, match="figures"):
        check_scores(written | {"figures": {"perplexity": 3}})


def test_several_values_of_a_row_are_not_independent():
    """Two answers of each row that agree are worth one: the interval is the bootstrap's."""
    values = np.repeat([1.0, 0, 0, 1, 1, 0, 1, 0, 1, 1], 2)
    rows = np.repeat(np.arange(10), 2)
    found = Scores.from_predictions(Predictions(np.full(20, "en"), rows, {"accuracy": values}))
    assert found.intervals["en"] == cluster_bootstrap(values, rows)
    assert found.intervals["en"] != wilson_interval(12, 20)
