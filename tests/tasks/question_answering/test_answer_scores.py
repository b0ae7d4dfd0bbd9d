"""Values by hand, then what holds for every text."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infoxlm.errors import UserError
from infoxlm.tasks.question_answering.answer_scores import (
    MLQA,
    RULES,
    SQUAD,
    SQUAD2,
    exact_match,
    f1,
    mlqa_words,
    rules_for,
    score_answer,
    squad_words,
    words_f1,
)

ALL_RULES = [(rules, x) for rules in RULES.values() for x in (rules.languages or ("en", "th"))]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The  Cat's\tMat.", ["cats", "mat"]),
        ("a, an; THE", []),
        ("theatre another", ["theatre", "another"]),
        ("the-atre", ["theatre"]),  # punctuation goes before articles are looked for
        ("U.S.", ["us"]),
        ("$3.50 + 5%", ["350", "5"]),
        ("«der» Hund…", ["«der»", "hund…"]),
        ("12\u00a0000\u3000km", ["12", "000", "km"]),
        ("１２、三", ["１２、三"]),
        ("the cat、the", ["cat、"]),  # what is no word character ends a word
        ("", []),
        ("?!", []),
    ],
)
def test_words_of_squad(text, words):
    assert squad_words(text) == words
    assert squad_words(text, "zh") == words


@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        ("en", "The cat’s «mat»…", ["cats", "mat"]),
        ("en", "$5 + 3€", ["5", "3€"]),  # ASCII's symbols go, others stay
        ("de", "Der Hund, die Katze und einem", ["hund", "katze", "und"]),
        ("de", "derart", ["derart"]),
        ("de", "the cat", ["the", "cat"]),
        ("es", "¿Unos perros y la Las?", ["perros", "y"]),
        ("es", "él", ["él"]),
        ("vi", "Những con mèo của là", ["con", "mèo"]),
        ("ar", "الولد والكتاب", ["ولد", "و", "كتاب"]),  # also within a word
        ("hi", "एक बिल्ली।", ["एक", "बिल्ली"]),
        ("zh", "北京abc 12大学，（）。", ["北", "京", "abc", "12", "大", "学"]),
        ("zh", "\u4dff\u9fa5\u9fa6x", ["\u4dff", "\u9fa5", "\u9fa6x"]),
        ("zh", "the 猫", ["the", "猫"]),
        ("zh", "１２", ["１２"]),
        ("en", "", []),
        ("en", "a—b", ["ab"]),  # the dash goes first, so that no article is left
    ],
)
def test_words_of_mlqa(language, text, words):
    assert mlqa_words(text, language) == words


def test_overlap_by_hand():
    # Two of three words are right, two of four are found: 2 * 2/3 * 1/2 / (2/3 + 1/2).
    assert f1("red big cat", ["big red old dog"], SQUAD, "en") == 2 * (2 / 3) * 0.5 / (2 / 3 + 0.5)
    assert words_f1(["x", "x", "y"], ["x", "z"]) == 2 * (1 / 3) * 0.5 / (1 / 3 + 0.5)
    assert words_f1(["x"], ["y"]) == 0.0


def test_the_nearest_gold_answer_counts_for_each_metric():
    golds = ["in the year 1990", "1990", "1991"]
    assert score_answer("the 1990", golds, SQUAD, "en") == (1.0, 1.0)
    assert exact_match("year 1990", golds, SQUAD, "en") == 0.0
    assert f1("year 1990", golds, SQUAD, "en") == pytest.approx(0.8)


@pytest.mark.parametrize("empty", ["", "the", "?!", " "])
def test_two_texts_without_words(empty):
    """Under the rules of questions that all have an answer they agree, but share nothing."""
    assert score_answer(empty, ["a"], SQUAD, "en") == (0.0, 1.0)
    assert score_answer(empty, ["a"], MLQA, "en") == (0.0, 1.0)
    assert score_answer(empty, [], SQUAD2, "en") == (1.0, 1.0)


def test_questions_without_an_answer():
    assert score_answer("cat", [], SQUAD2, "en") == (0.0, 0.0)
    assert score_answer("", ["cat"], SQUAD2, "en") == (0.0, 0.0)
    # A gold answer without words is none where questions may have no answer.
    assert score_answer("", ["the", "cat"], SQUAD2, "en") == (0.0, 0.0)
    assert score_answer("cat", ["the", "cat"], SQUAD2, "en") == (1.0, 1.0)
    assert score_answer("", ["the"], SQUAD2, "en") == (1.0, 1.0)


@pytest.mark.parametrize(("rules", "language"), ALL_RULES, ids=lambda x: getattr(x, "name", x))
def test_a_question_that_was_not_reached_is_worth_nothing(rules, language):
    assert score_answer(None, [""], rules, language) == (0.0, 0.0)


def test_rules_by_name():
    assert rules_for("squad") is SQUAD
    assert rules_for("squad", unanswerable=True) is SQUAD2
    assert rules_for("mlqa", unanswerable=True) is MLQA


def test_languages_that_rules_do_not_know():
    SQUAD.check(["th", "el"])
    MLQA.check(["zh", "ar"])
    with pytest.raises(UserError, match="MLQA's rules know no answers in th el, only in ar de"):
        MLQA.check(["en", "th", "el"])


#: Words, articles, punctuation and white space of several scripts.
TEXTS = st.lists(
    st.sampled_from(
        ["the", "A", "cat", "Der", "hund", "los", "của", "الولد", "北京", "猫", "บ้าน", "१२", "１２",
         ".", ",", "、", "…", "$", " ", " ", " ", "\u00a0", "\n"]
    ),
    max_size=8,
).map("".join)  # fmt: skip
SETTINGS = st.sampled_from(ALL_RULES)


@given(SETTINGS, TEXTS | st.text(max_size=12), TEXTS | st.text(max_size=12))
def test_two_texts(setting, one, other):
    rules, language = setting
    score = score_answer(one, [other], rules, language)
    assert score == score_answer(other, [one], rules, language)
    assert 0.0 <= score.f1 <= 1.0
    assert score.exact_match in (0.0, 1.0)
    words, others = rules.words(one, language), rules.words(other, language)
    same = Counter(words) == Counter(others)
    if words or rules.knows_empty:
        assert (score.f1 == 1.0) == same
        assert score.f1 == 1.0 or not score.exact_match
    else:
        assert score.f1 == 0.0
    assert score_answer(one, [one], rules, language).exact_match == 1.0


@given(SETTINGS, TEXTS, st.lists(TEXTS, min_size=1, max_size=3))
def test_more_gold_answers_never_score_less(setting, text, golds):
    rules, language = setting
    best = score_answer(text, golds, rules, language)
    # A gold answer without words does not count next to others where questions may have no answer.
    counted = [x for x in golds if rules.words(x, language)] if rules.knows_empty else golds
    alone = [score_answer(text, [gold], rules, language) for gold in counted or [""]]
    assert best == tuple(map(max, zip(*alone, strict=True)))


@given(SETTINGS, TEXTS, TEXTS)
def test_case_and_white_space_around_do_not_count(setting, text, gold):
    rules, language = setting
    score = score_answer(text, [gold], rules, language)
    assert score_answer(f"\t{text} ", [gold], rules, language) == score
    assert score_answer(text.upper().lower(), [gold.lower()], rules, language) == score


@given(SETTINGS, TEXTS)
def test_words_are_their_own_words(setting, text):
    """What rules leave of a text they leave as it is, but for articles that meet only now."""
    rules, language = setting
    words = rules.words(text, language)
    assert rules.words(" ".join(words), language) == words
