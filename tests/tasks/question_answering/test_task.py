"""Questions become windows and are read back; what cannot be used is said in one line."""

import json
from dataclasses import replace

import numpy as np
import pytest

from infoxlm.data.token_cache import TokenCache
from infoxlm.errors import UserError
from infoxlm.schema import (
    AnswerRules,
    DataConfig,
    ModelConfig,
    QuestionAnsweringConfig,
    Unanswerable,
)
from infoxlm.tasks.question_answering.options import AnsweringOptions
from infoxlm.tasks.question_answering.settings import (
    check_checkpoint,
    check_room,
    warn_of_other_options,
)
from infoxlm.tasks.question_answering.task import Task
from infoxlm.tasks.question_answering.windows import windows_of
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

LENGTH = 64
OPTIONS = QuestionAnsweringConfig(stride=24, max_question_length=24, n_best=5)


@pytest.fixture(scope="module")
def tokenizer(sentencepiece_file):
    return InfoXLMTokenizer(sentencepiece_file)


@pytest.fixture
def data(question_folder):
    return DataConfig(
        "squad", root=str(question_folder), eval_languages=["en", "de", "zh"], cache_dir="unused"
    )


@pytest.fixture
def cache(tokenizer, tmp_path):
    return TokenCache(tmp_path / "tokens", tokenizer, LENGTH)


@pytest.fixture
def opened(data):
    task = Task(OPTIONS, data)
    task.open(("train", "dev", "test"))
    return task


def test_windows_come_back_from_the_cache(opened, cache, tokenizer):
    for _ in range(2):  # encoded, and read again
        for language, part in zip(["en", "de", "zh"], opened.load("dev", cache), strict=True):
            assert (part.language, len(part.questions)) == (language, 16)
            found = part.windows()
            expected = windows_of(
                tokenizer,
                [question.question for question in part.questions],
                [question.context for question in part.questions],
                max_length=LENGTH,
                stride=OPTIONS.stride,
                max_question_length=OPTIONS.max_question_length,
            )
            assert len(found.token_ids) > 16 or language == "zh"  # contexts take several windows
            np.testing.assert_array_equal(found.token_ids.ids, expected.token_ids.ids)
            np.testing.assert_array_equal(found.questions, expected.questions)
            assert list(found.contexts) == list(expected.contexts)
            for one, other in zip(found.spans, expected.spans, strict=True):
                np.testing.assert_array_equal(one, other)


def test_training_windows_hold_the_answers(opened, cache, tokenizer):
    (part,) = opened.load("train", cache)
    assert sorted(part.targets) == ["end", "start"]
    rows = part.rows.tolist()
    assert rows == sorted(rows)
    assert set(rows) == set(range(40))
    answers = {
        question.row: question.answers[0].text for question in opened.source.read("train", "en")
    }
    learned = set()
    for number, row in enumerate(rows):
        start, end = (int(part.targets[name][number]) for name in ("start", "end"))
        if start:
            ids = part.token_ids.padded(np.array([number]))[0, start : end + 1]
            assert tokenizer.decode(ids.tolist()).strip(" .") == answers[row]
            learned.add(row)
    assert learned == set(range(40))


def test_limits_count_questions(data, cache):
    task = Task(OPTIONS, replace(data, limit_train=7, limit_eval=5))
    task.open(("train", "dev"))
    assert len(set(task.load("train", cache)[0].rows.tolist())) == 7
    assert [len(part.questions) for part in task.load("dev", cache)] == [5, 5, 5]
    assert [len(part.questions) for part in task.load("dev", cache, 3)] == [3, 3, 3]


def test_config_tells_how_the_model_is_asked(opened, tmp_path):
    model = opened.build_model(ModelConfig("tiny", shape=None), None, 400, LENGTH)
    model.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["task_name"] == "question_answering"
    assert config["question_answering"] == {
        "stride": 24, "max_question_length": 24, "max_answer_length": 30, "n_best": 5,
        "null_threshold": 0.0, "unanswerable": "refuse",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"labels": ["no", "yes"]}, r"data\.labels=\[no,yes\] with data=squad"),
        ({"languages": ["en"]}, r"data\.languages=\[en\] with data=squad"),
    ],
)
def test_keys_of_pairs_are_refused(changes, told, data):
    with pytest.raises(UserError, match=told):
        Task(OPTIONS, replace(data, **changes))


def test_splits_that_are_not_there(data, write_questions, tmp_path, cache):
    write_questions(tmp_path / "train" / "en.json")
    task = Task(OPTIONS, replace(data, root=str(tmp_path), eval_languages=["en"]))
    with pytest.raises(UserError, match=r"no dev or test questions.*data\.dev_root"):
        task.open(("train", "dev", "test"))
    write_questions(tmp_path / "dev" / "en.json", seed=2)
    task.open(("train", "dev", "test"))
    assert task.load("test", cache) is None
    assert len(task.load("dev", cache)) == 1
    assert len(task.checksums(("train", "dev", "test"))) == 2
    with pytest.raises(UserError, match=r"no test questions\. Set split=dev, or give another"):
        task.open(["test"])
    other = Task(OPTIONS, replace(data, root=str(tmp_path)))
    with pytest.raises(UserError, match=r"no dev questions in de zh.*It has en"):
        other.open(["dev"])


def test_dev_may_be_in_fewer_languages_than_test(data, write_questions, tmp_path, cache):
    for language in ("de", "en", "zh"):
        write_questions(tmp_path / "test" / f"{language}.json", language, seed=3)
    write_questions(tmp_path / "dev" / "en.json", seed=2)
    task = Task(OPTIONS, replace(data, root=str(tmp_path)))
    for splits in (("dev", "test"), ("dev",)):
        task.open(splits)
        assert [part.language for part in task.load("dev", cache)] == ["en"]
    task.open(["test"])
    assert [part.language for part in task.load("test", cache)] == ["en", "de", "zh"]


def test_windows_need_room(data, tokenizer, tmp_path):
    check_room(OPTIONS, 53)
    with pytest.raises(UserError, match=r"data\.max_length=52 .* leaves 24 tokens of context"):
        check_room(OPTIONS, 52)
    task = Task(OPTIONS, data)
    task.open(["dev"])
    with pytest.raises(UserError, match=r"task\.stride=24 are shared"):
        task.load("dev", TokenCache(tmp_path, tokenizer, 16))


def test_checkpoints_of_other_tasks_are_refused(saved_model):
    folder = saved_model("InfoXLMForSequenceClassification")
    for trained in (True, False):
        with pytest.raises(UserError, match="NAME .*another task.*new_head=true"):
            check_checkpoint(folder, "NAME", OPTIONS, trained=trained)


def test_an_encoder_is_trained_and_not_scored(saved_model):
    folder = saved_model("InfoXLMModel")
    check_checkpoint(folder, None, OPTIONS, trained=False)
    with pytest.raises(
        UserError, match="NAME holds an encoder without a head of question answering"
    ):
        check_checkpoint(folder, "NAME", OPTIONS, trained=True)


def test_other_windows_than_in_training_are_told(saved_model, caplog):
    folder = saved_model("InfoXLMForQuestionAnswering")
    check_checkpoint(folder, None, OPTIONS, trained=False)
    assert not caplog.messages
    check_checkpoint(folder, None, OPTIONS, trained=True)
    assert "task.stride=24, but the model was trained with 128" in caplog.messages
    assert not any("unanswerable" in message for message in caplog.messages)


@pytest.mark.parametrize(
    ("now", "then", "told"),
    [("refuse", "keep", True), ("keep", "drop", True), ("drop", "refuse", False)],
)
def test_a_model_that_answers_where_it_would_not_is_told(now, then, told, caplog):
    warn_of_other_options(
        QuestionAnsweringConfig(unanswerable=Unanswerable(now)), AnsweringOptions(unanswerable=then)
    )
    message = f"task.unanswerable={now}, but the model was trained with {then}"
    assert caplog.messages == ([message] if told else [])


def test_a_dev_set_of_its_own_may_be_in_english_alone(data, write_questions, tmp_path, cache):
    file = write_questions(tmp_path / "mine.en.json", seed=9)
    task = Task(OPTIONS, replace(data, dev_root=str(file)))
    task.open(("train", "dev", "test"))
    assert [part.language for part in task.load("dev", cache)] == ["en"]
    assert [part.language for part in task.load("test", cache)] == ["en", "de", "zh"]


def test_dev_that_is_test_is_told(data, write_questions, tmp_path, caplog):
    for language in ("en", "de"):
        write_questions(tmp_path / f"xquad.{language}.json", language)
    train = write_questions(tmp_path / "other" / "train.en.json")
    words = {"root": str(tmp_path), "train_root": str(train), "eval_languages": ["en", "de"]}
    task = Task(OPTIONS, replace(data, name="xquad", **words))
    task.open(("train", "dev", "test"))
    assert "has no dev questions of its own" in caplog.text
    caplog.clear()
    task = Task(OPTIONS, replace(data, name="xquad", dev_root=str(train), **words))
    task.open(("train", "dev", "test"))
    assert not caplog.text


def test_combinations_are_scored_where_results_are_reported(data, cache):
    task = Task(replace(OPTIONS, combinations=True), data)
    task.open(("train", "dev", "test"))
    assert [part.language for part in task.load("dev", cache)] == ["en", "de", "zh"]
    combined = [part.language for part in task.load("test", cache)]
    assert combined == ["en", "de", "zh", "de-en", "de-zh", "en-de", "en-zh", "zh-de", "zh-en"]
    task.open(["dev"])
    assert len(task.load("dev", cache)) == 9
    german = next(part for part in task.load("dev", cache) if part.language == "de-en")
    assert german.questions[0].question.startswith("Where is the")
    assert german.questions[0].context.startswith("Die ")


def test_rules_that_know_no_such_language_are_refused_at_once(data, write_questions, tmp_path):
    write_questions(tmp_path / "dev" / "tr.json")
    turkish = replace(data, root=str(tmp_path), eval_languages=["tr"])
    Task(OPTIONS, turkish).open(["dev"])
    with pytest.raises(UserError, match="MLQA's rules know no answers in tr"):
        Task(replace(OPTIONS, rules=AnswerRules.mlqa), turkish).open(["dev"])


def test_a_combination_without_questions_is_left_out(
    data, write_questions, tmp_path, cache, caplog
):
    for language, seed in (("en", 4), ("de", 4), ("zh", 5)):  # zh shares no question
        write_questions(tmp_path / "test" / f"{language}.json", language, seed=seed)
    task = Task(replace(OPTIONS, combinations=True), replace(data, root=str(tmp_path)))
    task.open(["test"])
    found = [part.language for part in task.load("test", cache)]
    assert found == ["en", "de", "zh", "de-en", "en-de"]
    assert "test: no question in de-zh en-zh zh-de zh-en: not scored" in caplog.messages
