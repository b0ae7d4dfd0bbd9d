import hydra
import pytest
from omegaconf import OmegaConf

from infoxlm.errors import UserError
from infoxlm.schema import SCHEMAS, register_schemas
from infoxlm.schema.aliases import TYPED_AS, meant_word, typed_key
from infoxlm.schema.config_errors import check_no_empty_values, explain, known_keys


@pytest.mark.parametrize(
    ("word", "command", "meant"),
    [
        ("sweep=a=b", "report", "folder=a=b"),
        ("sweep=", "report", "folder="),
        ("folder=x", "report", "folder=x"),
        ("sweeps=x", "report", "sweeps=x"),
        ("--help", "report", "--help"),
        ("sweep=x", "train", "sweep=x"),
    ],
)
def test_the_key_that_is_meant(word, command, meant):
    assert meant_word(word, command) == meant


def test_messages_name_the_key_as_it_is_typed():
    assert typed_key("folder", "report") == "sweep"
    assert typed_key("folder", "dashboard") == "folder"
    with pytest.raises(UserError, match="^sweep is empty"):
        check_no_empty_values(OmegaConf.create({"folder": ""}), "report")
    register_schemas()
    with (
        hydra.initialize_config_module("infoxlm.conf", version_base="1.3"),
        pytest.raises(Exception) as caught,  # noqa: PT011 (OmegaConf's own)
    ):
        OmegaConf.to_object(hydra.compose("report"))
    explained = explain(caught.value, "report")
    assert str(explained) == "sweep is not set. Give it: infoxlm report sweep=VALUE."


def test_what_is_meant_is_a_key():
    for command, keys in TYPED_AS.items():
        assert set(keys.values()) <= set(known_keys(SCHEMAS[command]))
