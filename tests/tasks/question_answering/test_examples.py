import logging

import numpy as np
import pytest

from infoxlm.data.token_cache import TokenCache
from infoxlm.errors import UserError
from infoxlm.schema import DataConfig, QuestionAnsweringConfig
from infoxlm.schema.choices import Faulty, Unanswerable
from infoxlm.tasks.question_answering.examples import load_questions
from infoxlm.tasks.question_answering.source import open_questions
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

CONTEXT = "the cat sat on the mat and the dog ran home"


def qa(name, asked, start=4):
    return {"id": name, "question": asked, "answers": [{"text": "cat", "answer_start": start}]}


@pytest.fixture
def load(sentencepiece_file, tmp_path):
    """Loads a split of the folder as a run would: all is opened again."""

    def load(split, limit=None, **options):
        options = QuestionAnsweringConfig(
            stride=2, max_question_length=6, faulty=Faulty.drop, **options
        )
        config = DataConfig("squad", root=str(tmp_path), cache_dir="unused")
        cache = TokenCache(tmp_path / "cache", InfoXLMTokenizer(sentencepiece_file), 24)
        source = open_questions(config, options)
        (examples,) = load_questions(source, split, ["en"], cache, options, limit=limit)
        return examples

    return load


@pytest.mark.parametrize("split", ["train", "dev"])
def test_every_run_is_told_what_was_cut_and_left_out(load, write, caplog, split):
    long = qa("long", "who sat on the mat in the park yesterday?")
    qas = [qa("wrong", "who?", start=5), qa("short", "who?"), long, {**long, "id": "longer"}]
    write(f"{split}.en.json", data=[{"paragraphs": [{"context": CONTEXT, "qas": qas}]}])
    for _ in range(2):  # the second time from the cache
        caplog.clear()
        with caplog.at_level(logging.INFO):
            examples = load(split)
        assert sorted(set(examples.rows)) == [1, 2, 3] and len(examples) > 3
        assert "cut" not in examples.targets
        assert caplog.text.count("1 of 4 questions are at fault and left out") == 1
        assert f"{split}: 3 questions in en ({len(examples)} windows)" in caplog.text
        assert (
            f"{split} en: longer than task.max_question_length and therefore cut: 2 questions, "
            "the first: long"
        ) in caplog.text


def test_answers_that_no_window_holds_whole_are_counted(load, write, caplog):
    whole = {"text": CONTEXT, "answer_start": 0}
    qas = [
        {"id": "whole", "question": "what?", "answers": [whole]},
        qa("cat", "who?"),
        {"id": "none", "question": "what?", "answers": [], "is_impossible": True},
    ]
    write("train.en.json", data=[{"paragraphs": [{"context": 3 * CONTEXT, "qas": qas}]}])
    examples = load("train", unanswerable=Unanswerable.keep)
    assert not examples.targets["start"][np.isin(examples.rows, (0, 2))].any()
    (told,) = (x.getMessage() for x in caplog.records if "no window holds" in x.getMessage())
    assert told == (
        "train en: no window holds the whole answer, which is learned as none: 1 question, the "
        "first: whole"
    )


def test_a_limit_that_leaves_nothing_is_named(load, write):
    none = {"id": "none", "question": "what?", "answers": [], "is_impossible": True}
    qas = [none, qa("cat", "who?")]
    write("dev.en.json", data=[{"paragraphs": [{"context": CONTEXT, "qas": qas}]}])
    assert set(load("dev", unanswerable=Unanswerable.drop, limit=2).rows) == {1}
    with pytest.raises(UserError, match=r"within the limit of 1 row\. Raise data\.limit_eval,"):
        load("dev", unanswerable=Unanswerable.drop, limit=1)
