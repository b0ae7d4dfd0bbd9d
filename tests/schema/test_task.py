"""The options of a task: of the class that its name chooses, in every way a configuration comes."""

import json
from dataclasses import fields

import pytest

from infoxlm.errors import UserError
from infoxlm.runs.settings import flat_settings
from infoxlm.schema import (
    AnswerRules,
    QuestionAnsweringConfig,
    TaskConfig,
    TrainConfig,
    Unanswerable,
)
from infoxlm.schema.config_errors import known_keys
from infoxlm.schema.group_options import fitting_options
from infoxlm.schema.json_shapes import MisfitError
from infoxlm.schema.plain import configuration, plain_config


@pytest.fixture
def config(compose):
    return compose(
        "train", "data=squad", "data.train_files=[a.json,b.json]", "task.stride=64",
        "task.rules=mlqa", "task.unanswerable=keep",
    )  # fmt: skip


def test_the_data_set_chooses_the_class(compose, config):
    assert type(compose("train").task) is TaskConfig
    assert config.task == QuestionAnsweringConfig(
        stride=64, rules=AnswerRules.mlqa, unanswerable=Unanswerable.keep
    )
    assert (config.data.train_files, config.data.max_length) == (["a.json", "b.json"], 384)
    evaluated = compose("evaluate", "data=xquad")
    assert evaluated.task == QuestionAnsweringConfig()
    assert (len(evaluated.data.eval_languages), evaluated.data.max_length) == (12, None)
    assert type(compose("train", "data=mlqa").task) is QuestionAnsweringConfig


def test_the_file_has_the_defaults_of_the_class(compose):
    assert compose("train", "data=squad").task == QuestionAnsweringConfig()


def test_there_and_back_through_json(config):
    plain = json.loads(json.dumps(plain_config(config)))
    assert plain["task"]["unanswerable"] == "keep"
    assert configuration(TrainConfig, plain) == config
    del plain["task"]["n_best"]  # a run of a version before that key
    assert configuration(TrainConfig, plain) == config


def test_settings_hold_every_option(config):
    settings = flat_settings(config)
    for field in fields(QuestionAnsweringConfig):
        assert f"task.{field.name}" in settings
    assert (settings["task.stride"], settings["task.rules"]) == (64, "mlqa")
    assert settings["data.train_files"] == "[a.json,b.json]"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"strides": 1}, r"task\.strides is not a key that is known"),
        ({"stride": "1"}, r"task\.stride is '1', not int"),
        ({"rules": "xquad"}, r"task\.rules is 'xquad', not squad or mlqa"),
        ({"name": "classification"}, r"task\.\w+ is not a key that is known"),
        ({"name": ["question_answering"]}, r"task\.name is \['question_answering'\], not str"),
    ],
)
def test_misfits_of_a_record_are_named(changes, told, config):
    plain = plain_config(config)
    plain["task"] |= changes
    with pytest.raises(MisfitError, match=told):
        configuration(TrainConfig, plain)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("data=squad task.strid=3", "task.strid: there is no such key. Did you mean task.stride?"),
        ("data=squad +task.strid=3", "task.strid: there is no such key. Did you mean task.stride?"),
        ("data=squad task.stride=many", "task.stride: Value 'many'"),
        ("data=squad task.stride=-1", "task.stride=-1 is out of range. It must be from 0 to 512."),
        ("data=squad task.n_best=0", "task.n_best=0 is out of range. It must be from 1 to 512."),
        ("data=squad task.rules=xquad", "task.rules: Invalid value 'xquad'"),
        ("data=squad task=nothing", "The options of task are classification, question_answering."),
        ("task.stride=3", "task.stride: there is no such key."),
        ("+task.stride=3", "task.stride: there is no such key."),
        ("task.name=question_answering", "Take task=question_answering, or the data="),
        ("data=squad task.name=classification", "Take task=classification, or the data="),
        ("data.dev_root=a", "data.dev_root=a with data=xnli. Leave it out"),
        ("data=pawsx data.train_files=[a]", "data.train_files=[a] with data=pawsx. Leave it"),
        ("data=xquad data.max_length=100000", "data.max_length=100000 is out of range"),
    ],
)
def test_mistakes_are_one_line(words, told, infoxlm):
    done = infoxlm("train", "model=tiny", *words.split())
    assert done.code == 1
    assert "Traceback" not in done.err
    line = done.err.strip().splitlines()[-1]
    assert told in line


def test_every_option_is_a_key_of_the_command():
    keys = known_keys(TrainConfig)
    assert {f"task.{field.name}" for field in fields(QuestionAnsweringConfig)} <= set(keys)
    assert len(keys) == len(set(keys))
    for command in ("train", "evaluate"):
        assert fitting_options("task", command) == ["classification", "question_answering"]


def test_a_task_of_ones_own_has_a_name_alone():
    assert TaskConfig("overlap").name == "overlap"
    with pytest.raises(UserError, match="other options"):
        TaskConfig("question_answering")


def test_help_lists_the_group(infoxlm):
    done = infoxlm("train", "data=squad", "--help")
    assert done.code == 0
    assert "task: classification, question_answering\n" in done.out
    assert "schema" not in done.out
    assert "  stride: 128  # tokens that" in done.out
