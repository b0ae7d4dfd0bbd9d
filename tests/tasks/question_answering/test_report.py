from itertools import product

import pytest

from infoxlm.evaluate.published import compare_with_published
from infoxlm.evaluate.report import markdown_report
from infoxlm.tasks.question_answering.answer_scores import MLQA, SQUAD, SQUAD2
from infoxlm.tasks.question_answering.options import AnsweringOptions
from infoxlm.tasks.question_answering.published import (
    MLQA_LANGUAGES,
    XQUAD_LANGUAGES,
    published,
)
from infoxlm.tasks.question_answering.report import report_sections
from infoxlm.tasks.question_answering.scores import score_answers


@pytest.fixture
def results(question, answers):
    """What answers amount to: one question a language, answered right where its text is "cat"."""

    def make(texts, rules=SQUAD, nulls=None, data="xquad"):
        parts = []
        for name, text in texts.items():
            context, _, asked = name.partition("-")
            questions = [question("a", 0, "cat"), *([question("b", 1)] if nulls else [])]
            found = [text] * len(questions)
            parts.append(answers(context, questions, found, nulls, asked))
        scores, _ = score_answers(parts, rules, AnsweringOptions())
        return {"task": "evaluate", "model": "e5", "data": data, "test": scores.as_dict()}

    return make


def test_published_averages(results):
    found = results(dict.fromkeys((*XQUAD_LANGUAGES, "ro"), "cat") | {"ro": "mat", "ar": "red cat"})
    (section,) = report_sections(found, "test")
    assert section.title == "Published averages of XQuAD"
    assert section.header == ("model", "F1", "exact match")
    assert section.rows == [
        ("XLM-R base", "71.9", "56.4"),
        ("XLM-Align base", "74.7", "59.0"),
        ("e5, test", "97.0", "90.9"),
    ]


def test_report_of_two_metrics(results, tmp_path):
    found = results(dict.fromkeys((*XQUAD_LANGUAGES, "ro"), "cat") | {"ro": "mat"})
    text = markdown_report(found, tmp_path, published(found), report_sections(found, "test"))
    assert "**Test F1 91.7 % (average of 12 languages, 95 % interval " in text
    assert (
        "| language | test F1 | 95 % interval | examples | paper F1 | difference | exact match | "
        "paper exact match |"
    ) in text
    assert (
        "| **without ro** | **100.0** |  | **11** | **71.9** | **+28.1** | **100.0** | **56.4** |"
    ) in text
    assert "F1 in percent. Paper: XLM-R base" in text
    assert "F1 and exact match by SQuAD 1.1's rules, in every language" in text
    assert "In th and zh, written without spaces, most answers are then one word:" in text
    assert compare_with_published(found, published(found)).average.published is None


def test_pairs_of_languages(results):
    texts = {"de": "cat", "en": "red cat", "de-en": "mat", "en-de": "cat"}
    f1, exact_match = report_sections(results(texts, MLQA, data="mlqa"), "test")
    assert f1.title == "F1 by languages of context and question (test)"
    assert f1.header == ("context \\ question", "de", "en")
    assert f1.rows == [("de", "100.0", "0.0"), ("en", "100.0", "66.7")]
    assert "Average over the 4 pairs: 66.7, 95 % interval " in f1.note
    assert f1.note.endswith("; 1 question a pair.")
    assert exact_match.title.startswith("Exact match by languages")
    assert exact_match.rows == [("de", "100.0", "0.0"), ("en", "100.0", "0.0")]


def test_all_pairs_of_mlqa(results):
    pairs = product(MLQA_LANGUAGES, repeat=2)
    texts = {x if x == y else f"{x}-{y}": "cat" for x, y in pairs}
    f1, _ = report_sections(results(texts, MLQA, data="mlqa"), "test")[1:]
    assert f1.header[1:] == MLQA_LANGUAGES
    assert [row[0] for row in f1.rows] == list(MLQA_LANGUAGES)
    assert "over the 49 pairs, MLQA's generalised cross-lingual transfer: 100.0" in f1.note


def test_pairs_that_were_not_scored_are_empty(results):
    f1, _ = report_sections(results({"de": "cat", "en-de": "cat"}, MLQA, data="mlqa"), "test")
    assert (f1.header[1:], f1.rows) == (("de",), [("de", "100.0"), ("en", "100.0")])


def test_questions_without_an_answer(results):
    kinds, thresholds = report_sections(
        results({"en": "cat"}, SQUAD2, nulls=[1, 4.5], data="squad"), "test"
    )
    assert kinds.rows == [
        ("en", "answerable", "1", "100.0", "100.0"),
        ("en", "unanswerable", "1", "0.0", "0.0"),
    ]
    assert thresholds.rows == [("en", "100.0", "-4.000", "100.0", "-4.000")]


def test_one_threshold_for_all_languages(results):
    found = results({"en": "cat", "de": "mat"}, SQUAD2, nulls=[1, 4.5], data="squad")
    kinds, thresholds = report_sections(found, "test")
    assert [row[0] for row in thresholds.rows] == ["all", "en", "de"]
    assert kinds.rows[:2] == [
        ("all", "answerable", "2", "50.0", "50.0"),
        ("all", "unanswerable", "2", "0.0", "0.0"),
    ]


def test_scores_of_another_task_have_none():
    assert (
        report_sections({"data": "xnli", "dev": {"accuracy": {"en": 1.0}, "average": 1}}, "dev")
        == []
    )
