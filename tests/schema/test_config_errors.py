import hydra
import pytest
from omegaconf import OmegaConf

from infoxlm.errors import UserError
from infoxlm.schema import SCHEMAS, register_schemas
from infoxlm.schema.config_errors import (
    check_known_keys,
    check_no_empty_values,
    explain,
    is_initials,
    known_keys,
    nearest_key,
)


def test_known_keys():
    keys = known_keys(SCHEMAS["train"])
    assert {"seed", "model", "model.shape.hidden_size", "optimizer.learning_rate"} <= set(keys)
    assert len(keys) == len(set(keys))
    assert set(known_keys(SCHEMAS["dashboard"])) == {"folder", "host", "port"}


@pytest.mark.parametrize(
    ("key", "command", "nearest"),
    [
        ("optimizer.learning_rat", "train", "optimizer.learning_rate"),
        ("trainer.learning_rate", "train", "optimizer.learning_rate"),
        ("max_steps", "train", "trainer.max_steps"),
        ("lr", "train", "optimizer.learning_rate"),
        ("trainer.ebs", "train", "trainer.effective_batch_size"),
        ("model.shape.hiden_size", "train", "model.shape.hidden_size"),
        ("sed", "train", "seed"),
        ("spilt", "evaluate", "split"),
        ("sourc", "convert", "source"),
        ("zzzzzz", "train", None),
        ("trainer.epochs", "dashboard", None),
    ],
)
def test_nearest_key(key, command, nearest):
    remedy = nearest_key(key, command)
    assert remedy.endswith(f"`infoxlm {command} --help` lists the keys.")
    if nearest is None:
        assert "Did you mean" not in remedy
    else:
        assert remedy.startswith(f"Did you mean {nearest}? ")


@pytest.mark.parametrize(
    ("short", "name", "same"),
    [
        ("lr", "learning_rate", True),
        ("ebs", "effective_batch_size", True),
        ("l", "learning_rate", False),
        ("", "seed", False),
    ],
)
def test_initials(short, name, same):
    assert is_initials(short, name) is same


@pytest.mark.parametrize(
    ("configuration", "unknown"),
    [
        ({"seed": 1, "model": {"shape": {"hidden_size": 3}}}, None),
        ({"seed": 1, "speed": 2}, "speed"),
        ({"data": {"max_length": 9, "shuffle": True}}, "data.shuffle"),
        ({"model": {"shape": {"depth": 3}}}, "model.shape.depth"),
        ({"model": {"name": "???"}, "data": {"root": "${oc.env:NOT_SET}"}}, None),
    ],
)
def test_unknown_keys(configuration, unknown):
    configuration = OmegaConf.create(configuration)
    if unknown is None:
        check_known_keys(configuration, "train")
    else:
        with pytest.raises(UserError, match=f"^{unknown}: there is no such key"):
            check_known_keys(configuration, "train")


@pytest.mark.parametrize(
    ("configuration", "empty"),
    [
        ({"name": "default", "data": {"root": None}}, None),
        ({"name": "???", "model": {"checkpoint": "x"}}, None),
        ({"data": {"root": ""}}, "data.root"),
        ({"model": {"checkpoint": "${name}"}, "name": ""}, "model.checkpoint"),
    ],
)
def test_empty_values(configuration, empty):
    configuration = OmegaConf.create(configuration)
    if empty is None:
        check_no_empty_values(configuration, "train")
    else:
        with pytest.raises(UserError, match=f"^{empty} is empty. Is the variable set"):
            check_no_empty_values(configuration, "train")


def test_values_that_are_empty_by_default_may_be():
    check_no_empty_values(OmegaConf.create({"prefix": ""}), "retrieve")


def test_a_key_is_no_remedy_for_itself():
    assert nearest_key("trainer", "train") == "`infoxlm train --help` lists the keys."


@pytest.mark.parametrize(
    ("overrides", "problem", "remedy"),
    [
        (["modl=tiny"], "modl: there is no such key", "Did you mean model?"),
        (
            ["trainer.epoch=2"],
            "trainer.epoch: there is no such key",
            "Did you mean trainer.epochs?",
        ),
        (["model=tny"], "model=tny: there is no such option", "Did you mean tiny?"),
        (["seed=x"], "seed: Value 'x' of type 'str' could not be converted to Integer", "--help"),
        (["seed=1,2"], "seed=1,2: several values for a single run", "Add --multirun"),
        (["seed=null"], "seed=null: it needs a value", "--help"),
        (["model=null"], "model=null: there is no such option", "infoxlm_base"),
        (["experiment=7"], "experiment=7: there is no such option", "demo, quick_verify"),
        (["name=${nmae}"], "name: Interpolation key 'nmae' not found", "${...}"),
        (
            ["data=pairs", "data.labels=[a,b]", "data.languages=[]"],
            "data.languages is empty, and data.train_languages[0] is taken from it",
            "data.languages=[A,B]",
        ),
        (
            ["data=pairs", "data.labels=[a,b]", "data.languages=null"],
            "data.languages is empty, and data.train_languages[0] is taken from it",
            "data.languages=[A,B]",
        ),
        (["hydra.job.nmae=x"], "hydra.job.nmae: there is no such key", "--cfg hydra"),
        (["data.root=a[b"], "data.root=a[b: this is not KEY=VALUE", "quotes"),
        (["optimizer.learning_rate=???"], "optimizer.learning_rate is not set", "=VALUE"),
        (["model.shape.hidden_size=8"], "model.shape cannot be set", "model=tiny"),
        (["model.shape={hidden_size:8}"], "model.shape cannot be set", "model=tiny"),
    ],
)
def test_explanations(overrides, problem, remedy):
    register_schemas()
    with (
        hydra.initialize_config_module("infoxlm.conf", version_base="1.3"),
        pytest.raises(Exception) as caught,  # noqa: PT011 (whatever Hydra and OmegaConf raise)
    ):
        OmegaConf.to_object(hydra.compose("train", overrides))
    explained = explain(caught.value, "train", overrides)
    assert problem in explained.problem
    assert remedy in explained.remedy
