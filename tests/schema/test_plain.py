"""Configurations as plain values and back."""

import json
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import Enum
from types import NoneType
from typing import Any, get_args, get_type_hints

import pytest

from infoxlm.errors import UserError
from infoxlm.schema import SCHEMAS, EvaluateConfig, TrainConfig
from infoxlm.schema.json_shapes import MisfitError
from infoxlm.schema.plain import configuration, plain_config


@pytest.fixture
def config(compose):
    return compose("train", "model=tiny", "hardware=cpu", "data.eval_languages=[en,sw]")


def test_there_and_back_through_json(config):
    plain = plain_config(config)
    assert plain["trainer"]["select_on"] == "dev_average"
    assert plain["model"]["shape"]["vocab_size"] == config.model.shape.vocab_size
    assert configuration(TrainConfig, json.loads(json.dumps(plain))) == config


def kinds(schema):
    for kind in get_type_hints(schema).values():
        for option in get_args(kind) or (kind,):
            yield from kinds(option) if is_dataclass(option) else [(kind, option)]


def test_every_kind_of_field_is_one_that_can_be_read():
    for schema in SCHEMAS.values():
        for kind, option in kinds(schema):
            if kind == dict[str, float]:
                continue
            assert len([x for x in get_args(kind) if x is not NoneType]) <= 1, kind
            simple = option in (int, float, str, bool, Any, NoneType, list[str])
            assert simple or issubclass(option, Enum), kind


@pytest.mark.parametrize("text", ["${oc.env:PATH}", "${", "a${b.c}", "???", "\\${x}"])
def test_texts_stay_texts(text, config):
    changed = replace(config, data=replace(config.data, root=text), name=text)
    again = configuration(TrainConfig, plain_config(changed))
    assert (again.data.root, again.name) == (text, text)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("seed", "7", r"seed is '7', not int"),
        ("optimizer.options", 3, r"optimizer\.options is 3, not an object"),
        ("optimizer.options", {"a": "b"}, r"optimizer\.options\.a is 'b', not float"),
        ("seed", True, r"seed is True, not int"),
        ("seed", None, r"seed is None, not int"),
        ("data.root", 7, r"data\.root is 7, not str"),
        ("data.eval_languages", "en", r"data\.eval_languages is 'en', not a list"),
        ("data.eval_languages", ["en", 7], r"data\.eval_languages is 7, not str"),
        ("trainer.select_on", "dev", r"trainer\.select_on is 'dev', not dev_average or dev_en"),
        ("trainer.epochs", 2.0, r"trainer\.epochs is 2\.0, not int"),
        ("optimizer.learning_rate", "x", r"optimizer\.learning_rate is 'x', not float"),
        ("model.shape", [], r"model\.shape is \[\], not an object"),
        ("model", None, r"model is None, not an object"),
        ("model.shape.depth", 1, r"model\.shape\.depth is not a key that is known"),
    ],
)
def test_misfits_are_named(key, value, told, config):
    plain = plain_config(config)
    node = plain
    *sections, last = key.split(".")
    for section in sections:
        node = node[section]
    node[last] = value
    with pytest.raises(MisfitError, match=f"^{told}$"):
        configuration(TrainConfig, plain)


def test_whole_numbers_are_numbers_too(config):
    plain = plain_config(config)
    plain["optimizer"]["max_grad_norm"] = 2
    found = configuration(TrainConfig, plain).optimizer.max_grad_norm
    assert (found, type(found)) == (2.0, float)


def test_keys_that_are_missing(config):
    plain = plain_config(config)
    del plain["trainer"]["patience"], plain["name"]
    assert configuration(TrainConfig, plain) == config
    for section, key in ((plain["data"], "cache_dir"), (plain, "model")):
        kept = section.pop(key)
        with pytest.raises(MisfitError, match=f"has no {key}$"):
            configuration(TrainConfig, plain)
        section[key] = kept


def test_ranges_are_checked_as_for_what_is_typed(config):
    plain = plain_config(config)
    plain["data"]["max_length"] = 9999
    with pytest.raises(UserError, match=r"data\.max_length=9999 is out of range"):
        configuration(TrainConfig, plain)
    for other in (None, [], "x", 7):
        with pytest.raises(MisfitError, match="^it is .*, not an object$"):
            configuration(EvaluateConfig, other)


def test_dataclasses_keep_their_order():
    @dataclass
    class Inner:
        b: int = 1
        a: list[str] | None = None

    assert list(plain_config(Inner())) == [field.name for field in fields(Inner)]
    assert configuration(Inner, {"a": ["x"], "b": 2}) == Inner(2, ["x"])
