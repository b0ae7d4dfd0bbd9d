import logging

import pytest

from infoxlm.data.token_cache import TokenCache
from infoxlm.schema import DataConfig, QuestionAnsweringConfig
from infoxlm.schema.choices import Faulty
from infoxlm.tasks.question_answering.examples import load_questions
from infoxlm.tasks.question_answering.source import open_questions
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

CONTEXT = "the cat sat on the mat and the dog ran home"


def qa(name, asked, start=4):
    return {"id": name, "question": asked, "answers": [{"text": "cat", "answer_start": start}]}


@pytest.fixture
def load(sentencepiece_file, tmp_path):
    """Loads a split of the folder as a run would: all is opened again."""

    def load(split, **data):
        options = QuestionAnsweringConfig(stride=2, max_question_length=6, faulty=Faulty.drop)
        config = DataConfig("squad", root=str(tmp_path), cache_dir="unused", **data)
        cache = TokenCache(tmp_path / "cache", InfoXLMTokenizer(sentencepiece_file), 24)
        source = open_questions(config, options)
        (examples,) = load_questions(source, split, ["en"], cache, options, limit=None)
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
            f"{split} en: 2 questions are longer than task.max_question_length and were cut, the "
            "first: long"
        ) in caplog.text
