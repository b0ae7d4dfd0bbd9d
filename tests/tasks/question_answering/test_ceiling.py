"""The best that a model can reach: the tokens of each gold answer, cut out and scored."""

import re
import string
from collections import Counter

import numpy as np
import pytest

from infoxlm.schema import DataConfig, QuestionAnsweringConfig
from infoxlm.tasks.question_answering.source import open_questions
from infoxlm.tasks.question_answering.windows import training_targets, windows_of
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

#: Exact match and F1 of 1,190 questions, and the tokens of the longest context.
CEILING = {
    "ar": (99.3, 99.7, 751), "de": (99.9, 99.9, 811), "el": (99.9, 100.0, 929),
    "en": (99.9, 100.0, 685), "es": (99.9, 100.0, 752), "hi": (99.8, 99.9, 773),
    "ro": (100.0, 100.0, 835), "ru": (100.0, 100.0, 777), "th": (99.2, 99.3, 740),
    "tr": (99.8, 99.9, 709), "vi": (99.9, 100.0, 850), "zh": (98.9, 99.0, 576),
}  # fmt: skip


def normalized(answer):
    answer = "".join(x for x in answer.lower() if x not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", answer).split()


def f1(found, gold):
    shared = sum((Counter(found) & Counter(gold)).values())
    return 2 * shared / (len(found) + len(gold)) if shared else 0.0


@pytest.mark.parametrize("language", CEILING)
def test_tokens_of_the_gold_answers(shared, e5_torch, language):
    data = DataConfig("xquad", root=str(shared / "data" / "xquad"), cache_dir="unused")
    source = open_questions(data, QuestionAnsweringConfig())
    questions = list(source.read("test", language))
    tokenizer = InfoXLMTokenizer.from_pretrained(e5_torch)
    contexts = [question.context for question in questions]
    windows = windows_of(
        tokenizer, [question.question for question in questions], contexts,
        max_length=384, stride=128, max_question_length=64,
    )  # fmt: skip
    targets = training_targets(windows, questions)
    found = {}
    for window in np.flatnonzero(targets["start"]):
        number = windows.questions[window]
        start = windows.spans[window][targets["start"][window], 0]
        end = windows.spans[window][targets["end"][window], 1]
        found.setdefault(number, contexts[number][start:end])
    assert len(found) == len(questions) == 1_190
    pairs = [
        (normalized(found[number]), normalized(question.answers[0].text))
        for number, question in enumerate(questions)
    ]
    exact = 100 * np.mean([one == other for one, other in pairs])
    overlap = 100 * np.mean([f1(one, other) for one, other in pairs])
    longest = tokenizer.pieces(contexts).lengths.max()
    assert (round(exact, 1), round(overlap, 1), longest) == CEILING[language]
