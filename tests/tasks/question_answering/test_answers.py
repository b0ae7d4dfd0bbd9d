import numpy as np
import pytest

from infoxlm.tasks.question_answering.answer_scores import MLQA, SQUAD2
from infoxlm.tasks.question_answering.answers import parallel_rows
from infoxlm.tasks.question_answering.options import AnsweringOptions


def rows(*parts):
    return [found.tolist() for found in parallel_rows(parts)]


def test_files_in_the_same_order_keep_their_rows(question):
    english = [question("a", 0), question("b", 2), question("c", 9)]
    assert rows(english, english[1:]) == [[0, 2, 9], [2, 9]]


def test_files_of_other_questions_are_joined_by_ids(question):
    """Row 0 is another question in each, and b and c are in both."""
    english = [question("c", 0), question("a", 1), question("b", 2)]
    german = [question("b", 0), question("c", 1)]
    found = rows(english, german)
    assert found == [[2, 0, 1], [1, 2]]
    assert rows(german, english) == found[::-1]


def test_other_questions_in_the_same_rows_are_never_tied(question):
    english, swahili = ([question(f"{x}{row}", row) for row in range(3)] for x in ("en", "sw"))
    first, second = rows(english, swahili)
    assert not set(first) & set(second)


def test_texts_are_scored_in_the_language_of_the_context(question, answers):
    asked = [question("a", 0, "der rote Hund", context="der rote Hund bellt")]
    part = answers("de", asked, ["rote Hund"], question_language="en")
    assert part.name == "de-en"
    assert part.scores_of(["rote Hund"], MLQA).tolist() == [[1.0, 1.0]]
    assert part.scores_of(["the rote Hund"], MLQA).tolist() == [[pytest.approx(0.8), 0.0]]


def test_a_pair_of_one_language_is_the_language(question, answers):
    part = answers("de", [question("a", 0)], ["cat"], question_language="de")
    assert (part.name, part.is_combined) == ("de", False)


def test_no_answer_is_given_beyond_the_threshold(question, answers):
    asked = [question(x, row) for row, x in enumerate("abc")]
    part = answers("en", asked, [["cat", "mat"]] * 3, nulls=[4.0, 6.0, 6.5])
    np.testing.assert_array_equal(part.null_differences(), [-1.0, 1.0, 1.5])
    for threshold, texts in ((0.0, ["cat", "", ""]), (1.0, ["cat", "cat", ""])):
        options = AnsweringOptions(null_threshold=threshold, unanswerable="keep")
        assert [x.answer for x in part.chosen(options)] == texts
    assert part.best_texts() == ["cat"] * 3
    ranked = part.ranked(AnsweringOptions())
    assert [[x.score for x in found] for found in ranked] == [
        [5.0, 4.0, 4.0], [6.0, 5.0, 4.0], [6.5, 5.0, 4.0],
    ]  # fmt: skip


def test_a_question_without_any_candidate(question, answers):
    part = answers("en", [question("a", 0)], [[]], nulls=[1.5])
    assert part.best_texts() == [""]
    assert part.null_differences().tolist() == [1.5]
    assert part.chosen(AnsweringOptions(null_threshold=9.0))[0].answer == ""
    assert part.scores_of([""], SQUAD2).tolist() == [[1.0, 1.0]]


def test_scores_that_are_no_numbers(question, answers):
    part = answers("en", [question("a", 0), question("b", 1)], ["cat"] * 2, [np.nan, np.inf])
    assert part.null_differences().tolist() == [0.0, 0.0]
    assert [x.answer for x in part.chosen(AnsweringOptions())] == ["cat", "cat"]
    assert [len(x) for x in part.ranked(AnsweringOptions())] == [1, 1]
