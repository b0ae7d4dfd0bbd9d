import json

import numpy as np
import pytest

from infoxlm.evaluate.intervals import cluster_bootstrap
from infoxlm.evaluate.predictions import read_predictions, write_predictions
from infoxlm.evaluate.scores import Scores
from infoxlm.tasks.question_answering.answer_scores import MLQA, SQUAD, SQUAD2
from infoxlm.tasks.question_answering.options import AnsweringOptions
from infoxlm.tasks.question_answering.scores import explained, score_answers

GERMAN = "der rote Hund sitzt auf der Matte"
OPTIONS = AnsweringOptions()


@pytest.fixture
def english(question):
    return [
        question("a", 0, "red cat"),
        question("b", 1, "mat", "the mat"),
        question("c", 2, "sat"),
    ]


@pytest.fixture
def german(question):
    """The first question of English stands in another row, the second is missing."""
    texts = (("c", "sitzt"), ("a", "rote Hund"))
    return [question(x, row, gold, context=GERMAN) for row, (x, gold) in enumerate(texts)]


@pytest.fixture
def parts(english, german, answers):
    return [
        answers("en", english, ["cat", "mat", "on"]),
        answers("de", german, ["sitzt", "der rote Hund"]),
    ]


def test_scores_by_language(parts):
    scores, predictions = score_answers(parts, MLQA, OPTIONS)
    two_thirds = 2 * 1.0 * 0.5 / 1.5
    assert scores.values == {
        "f1": {"en": pytest.approx((two_thirds + 1) / 3), "de": 1.0},
        "exact_match": {"en": 1 / 3, "de": 1.0},
    }
    assert scores.examples == {"en": 3, "de": 2}
    assert (scores.main.title, [x.title for x in scores.secondary]) == ("F1", ["exact match"])
    assert scores.details == {"rules": "mlqa"}
    assert scores.warning is None
    assert predictions.languages.tolist() == ["en"] * 3 + ["de"] * 2
    assert predictions.columns == {
        "id": ["a", "b", "c", "c", "a"],
        "label": [["red cat"], ["mat", "the mat"], ["sat"], ["sitzt"], ["rote Hund"]],
        "predicted": ["cat", "mat", "on", "sitzt", "der rote Hund"],
        "start": [8, 23, 16, 14, 0],
        "probability": [1.0] * 5,
    }
    assert scores.tags("dev").keys() >= {"dev/f1/de", "dev/exact_match/en", "dev/f1/average"}


def test_translations_have_one_row(parts):
    """The ids say which they are: the rows of the files differ."""
    scores, predictions = score_answers(parts, SQUAD, OPTIONS)
    rows = dict.fromkeys("abc")
    for name, row in zip(predictions.columns["id"], predictions.rows.tolist(), strict=True):
        assert rows[name] in (None, row)
        rows[name] = row
    assert len(set(rows.values())) == 3
    weights = np.repeat([1 / 3, 1 / 2], [3, 2])
    interval = cluster_bootstrap(predictions.values["f1"], predictions.rows, weights=weights)
    assert scores.average_interval == interval


def test_rules_of_english_in_german(parts):
    scores, _ = score_answers(parts, SQUAD, OPTIONS)
    assert scores.values["exact_match"]["de"] == 0.5  # "der" is no article in English


def test_pairs_of_languages_are_details(parts, english, german, answers):
    more = [
        answers("en", english[::2], ["red cat", "sat"], question_language="de"),
        answers("de", german[:1], ["Hund"], question_language="en"),
    ]
    scores, predictions = score_answers([*parts, *more], MLQA, OPTIONS)
    alone, _ = score_answers(parts, MLQA, OPTIONS)
    assert scores.values == alone.values
    assert scores.average_interval == alone.average_interval
    assert len(predictions) == 5
    assert [part.name for part in predictions.answers] == ["en", "de", "en-de", "de-en"]
    found = scores.details["combinations"]
    assert found["exact_match"] == {"en": 1 / 3, "de": 1.0, "en-de": 1.0, "de-en": 0.0}
    assert found["f1"]["en"] == scores.values["f1"]["en"]
    assert found["examples"] == {"en": 3, "de": 2, "en-de": 2, "de-en": 1}
    assert found["average"]["exact_match"] == pytest.approx((1 / 3 + 1 + 1 + 0) / 4)
    low, high = found["average_interval"]["exact_match"]
    assert 0 <= low <= found["average"]["exact_match"] <= high <= 1


def test_questions_without_an_answer(question, answers):
    asked = [question("a", 0, "cat"), question("b", 1), question("c", 2)]
    part = answers("en", asked, ["cat", "mat", "sat"], nulls=[1, 9, 4.75])
    scores, predictions = score_answers([part], SQUAD2, OPTIONS)
    assert scores.main_values == {"en": 2 / 3}
    assert predictions.columns["predicted"] == ["cat", "", "sat"]
    assert predictions.columns["null_score_diff"] == [-4.0, 4.0, -0.25]
    nulls = scores.details["null_answers"]
    assert nulls["threshold"] == 0.0
    assert nulls["best_threshold"]["exact_match"]["en"] == {"threshold": -4.0, "value": 1.0}
    assert nulls["answerable"]["f1"] == {"all": 1.0, "en": 1.0}
    assert nulls["unanswerable"]["f1"] == {"all": 0.5, "en": 0.5}


def test_a_model_that_never_answers_is_recognised(english, question, answers):
    never = answers("en", english, ["cat"] * 3, nulls=[9] * 3)
    warning = score_answers([never], SQUAD2, OPTIONS)[0].warning
    assert warning.startswith("No question is answered, though some have answers")
    right = answers("en", [question("a", 0)], ["cat"], nulls=[9])
    assert score_answers([right], SQUAD2, OPTIONS)[0].warning is None


def test_scores_and_predictions_are_read_again(parts, tmp_path):
    scores, predictions = score_answers(parts, MLQA, OPTIONS)
    assert Scores.from_dict(json.loads(json.dumps(scores.as_dict()))) == scores
    write_predictions(tmp_path / "predictions.jsonl", predictions)
    read = read_predictions(tmp_path / "predictions.jsonl")
    assert read.columns == predictions.columns
    assert read.rows.tolist() == predictions.rows.tolist()
    for name, values in predictions.values.items():
        np.testing.assert_array_equal(read.values[name], values)


def test_explanation():
    assert explained(SQUAD, ["en"]) == "F1 and exact match by SQuAD 1.1's rules."
    assert explained(SQUAD, ["de", "en"]).endswith("white space, articles are English.")
    assert " In th and zh, written without spaces" in explained(SQUAD, ["de", "th", "zh"])
    assert explained(MLQA, ["de", "zh"]).endswith("MLQA's rules for the language of the context.")
