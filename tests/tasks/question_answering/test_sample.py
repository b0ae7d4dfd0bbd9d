"""The embedded questions are parallel, answered by whole words, and not those trained on."""

import re

import numpy as np
import pytest

from infoxlm.data.source import EMBEDDED
from infoxlm.schema import DataConfig, QuestionAnsweringConfig
from infoxlm.tasks.question_answering.answer_scores import SQUAD, f1
from infoxlm.tasks.question_answering.source import open_questions

LANGUAGES = ("ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh")


@pytest.fixture(scope="module")
def source():
    data = DataConfig("question_sample", root=EMBEDDED, cache_dir="unused")
    return open_questions(data, QuestionAnsweringConfig())


def test_sizes(source):
    assert source.languages("train") == source.languages("dev") == ("en",)
    assert source.languages("test") == LANGUAGES
    counts = {split: len(list(source.read(split, "en"))) for split in ("train", "dev", "test")}
    assert counts == {"train": 120, "dev": 20, "test": 20}


@pytest.mark.parametrize("language", LANGUAGES)
def test_languages_are_parallel(source, language):
    english, other = (list(source.read("test", code)) for code in ("en", language))
    assert [x.id for x in other] == [x.id for x in english]
    # Questions share a paragraph where the English ones do.
    places = [[x.context for x in part].index(each.context) for part in (english, other)
              for each in part]  # fmt: skip
    assert places[:20] == places[20:]
    if language != "en":
        assert not {x.question for x in english} & {x.question for x in other}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_answers_are_whole_words(source, split, language):
    if language not in source.languages(split) or language in ("th", "zh"):
        return
    for question in source.read(split, language):
        (answer,) = question.answers
        around = f" {question.context} "[answer.start :: len(answer.text) + 1][:2]
        assert not any(map(str.isalnum, around)), question.id
        assert SQUAD.words(answer.text, language)


def test_no_paragraph_of_dev_or_test_is_trained_on(source):
    def texts(split):
        read = source.read(split, "en")
        return {text for each in read for text in (each.context, each.question)}

    for split, other in (("dev", "train"), ("test", "train"), ("test", "dev")):
        assert not texts(split) & texts(other)


def next_to_the_question(question):
    """The one to three words with most of the question's words within three words of them."""
    asked = set(re.findall(r"\w+", question.question.lower()))
    words = list(re.finditer(r"\w+", question.context))
    shared = [word[0].lower() in asked for word in words]
    best, answer = -1, ""
    for first in range(len(words)):
        for end in range(first + 1, min(first + 3, len(words)) + 1):
            near = sum(shared[max(0, first - 3) : first]) + sum(shared[end : end + 3])
            if not any(shared[first:end]) and near > best:
                best = near
                answer = question.context[words[first].start() : words[end - 1].end()]
    return answer


def test_words_of_the_question_do_not_give_the_answer_away(source):
    average = {}
    for language in LANGUAGES:
        average[language] = np.mean(
            [
                f1(next_to_the_question(each), [each.answers[0].text], SQUAD, language)
                for each in source.read("test", language)
            ]
        )
    print({language: round(float(value), 3) for language, value in average.items()})
    assert np.mean(list(average.values())) == pytest.approx(0.100, abs=0.001)
