"""The official scripts give the same scores, to the last digit.

``INFOXLM_OFFICIAL_SCRIPTS`` names a folder with them, under the names that they are published by.
"""

import importlib.util
import os
import random
from pathlib import Path

import numpy as np
import pytest

from infoxlm.tasks.question_answering.answer_scores import MLQA, SQUAD, SQUAD2, score_answer
from infoxlm.tasks.question_answering.null_threshold import best_threshold

pytestmark = pytest.mark.slow

#: Pieces that answers are put together from, so that many share some words, all or none.
PIECES = [
    "the", "A", "an", "Theatre", "cat", "U.S.", "$3.50", "12", "１２", "１，０００", "«Bär»",
    "straße", "der", "Einem", "la", "Los", "él", "của", "những", "mèo", "الولد", "والكتاب", "ال",
    "بيت،", "बिल्ली।", "एक", "北京大学", "猫，", "、", "2008年", "แมว", "ที่บ้าน",
    ".", "?!", "—", "…", "”",
    "\u00a0", "\u3000", "\u200d", "\t", "İ", "ﬁ",
]  # fmt: skip
ODD = ["", " ", "the", "An a", "...", "。", "—", "ال", "des", "１２３", "\u00a0"]


@pytest.fixture
def script():
    """A script as a module, by its file's name."""
    folder = os.environ.get("INFOXLM_OFFICIAL_SCRIPTS")
    if not folder:
        pytest.skip("INFOXLM_OFFICIAL_SCRIPTS is not set")

    def load(name):
        spec = importlib.util.spec_from_file_location("official", Path(folder) / name)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def drawn():
    """Two thousand answers with their gold answers, in a file's form."""

    def draw(seed, unanswerable=0.0):
        generator = random.Random(seed)

        def text():
            if generator.random() < 0.1:
                return generator.choice(ODD)
            pieces = generator.choices(PIECES, k=generator.randint(1, 4))
            return generator.choice(["", " ", " "]).join(pieces)

        answers, questions = {}, []
        for number in range(2000):
            golds = [text() for _ in range(generator.randint(1, 3))]
            answers[str(number)] = generator.choice(golds) if number % 3 == 0 else text()
            known = [] if generator.random() < unanswerable else golds
            questions.append({"id": str(number), "answers": [{"text": gold} for gold in known]})
        return answers, questions

    return draw


def ours(answers, questions, rules, language="en"):
    return np.array(
        [
            score_answer(answers[x["id"]], [gold["text"] for gold in x["answers"]], rules, language)
            for x in questions
        ]
    )


def averages(scores):
    """In the order in which the scripts add: equal numbers, not nearly equal ones."""
    return {
        name: 100.0 * sum(scores[:, column].tolist()) / len(scores)
        for column, name in enumerate(("f1", "exact_match"))
    }


def in_form(questions):
    return [{"paragraphs": [{"qas": questions}]}]


def test_squad(script, drawn):
    answers, questions = drawn(1)
    found = script("evaluate-v1.1.py").evaluate(in_form(questions), answers)
    assert found == averages(ours(answers, questions, SQUAD))


@pytest.mark.parametrize("language", MLQA.languages)
def test_mlqa(script, drawn, language):
    answers, questions = drawn(2)
    found = script("mlqa_evaluation_v1.py").evaluate(in_form(questions), answers, language)
    assert found == averages(ours(answers, questions, MLQA, language))


def test_squad_2(script, drawn):
    answers, questions = drawn(3, unanswerable=0.4)
    module = script("evaluate-v2.0.py")
    exact, f1 = module.get_raw_scores(in_form(questions), answers)
    scores = ours(answers, questions, SQUAD2)
    assert scores.tolist() == [[f1[x["id"]], exact[x["id"]]] for x in questions]
    odds = np.random.default_rng(3).random(len(questions))
    known = {x["id"]: bool(x["answers"]) for x in questions}
    # The script counts an answer such as "the" as wrong there, where it has no answer.
    for x in questions:
        if not known[x["id"]]:
            exact[x["id"]] = f1[x["id"]] = float(not answers[x["id"]])
    by_id = dict(zip(known, odds.tolist(), strict=True))
    empty = np.array([not found for found in known.values()], np.float64)
    for name, raw in (("exact", exact), ("f1", f1)):
        value, threshold = module.find_best_thresh(answers, raw, by_id, known)
        found = best_threshold(odds, np.array([float(raw[x]) for x in known]), empty)
        assert found.threshold == threshold, name
        assert 100 * found.value == pytest.approx(value, rel=1e-12)
