import hashlib
import subprocess
import sys
from dataclasses import is_dataclass
from enum import Enum
from importlib.metadata import version
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

import infoxlm
from infoxlm.errors import UserError
from infoxlm.runs.run_record import (
    config_of,
    read_run_record,
    weights_checksums,
    write_run_record,
)
from infoxlm.schema import SCHEMAS

SUMS = {"data": {"test/en.tsv": "ab12"}, "weights": {"model.safetensors": "cd34"}}


def written(config, folder):
    write_run_record(folder / "run.json", config=config, device="cpu", **SUMS)
    return read_run_record(folder)


def test_written_record(compose, tmp_path):
    record = written(compose("train", "model=tiny", "seed=7"), tmp_path)
    assert record["version"] == infoxlm.__version__
    assert record["packages"]["numpy"] == version("numpy")
    assert record["command"] == sys.argv
    assert record["directory"] == str(Path.cwd())
    assert (record["seed"], record["device"]) == (7, "cpu")
    assert {key: record[key] for key in SUMS} == SUMS
    assert record["started"].endswith("+00:00")
    assert record["config"]["trainer"]["select_on"] == "dev_average"
    assert record["config"]["model"]["shape"]["hidden_size"] == 32


@pytest.mark.parametrize(
    ("command", "overrides"),
    [
        ("train", ["model=tiny", "optimizer.learning_rate=0.1", "data.eval_languages=[sw,en]"]),
        ("train", ["model=infoxlm_large", "hardware=gpu_bf16", "trainer.select_on=dev_en"]),
        ("train", ["experiment=xnli_xtune", "data.root='a b,c=[d]'", "hardware.threads=3"]),
        ("evaluate", ["model.checkpoint=/a/b", "split=dev", "data.max_length=null"]),
    ],
)
def test_configuration_comes_back_exactly(command, overrides, compose, tmp_path):
    config = compose(command, *overrides)
    record = written(config, tmp_path)
    assert config_of(record, SCHEMAS[command]) == config
    assert record["seed"] == getattr(config, "seed", None)


def enums(schema):
    for kind in get_type_hints(schema).values():
        for option in (kind, *get_args(kind)):
            if is_dataclass(option):
                yield from enums(option)
            elif isinstance(option, type) and issubclass(option, Enum):
                yield option


def test_members_of_enums_are_written_by_names_that_are_their_values():
    found = {option for schema in SCHEMAS.values() for option in enums(schema)}
    assert len(found) >= 3
    for option in found:
        assert {member.name for member in option} == {member.value for member in option}


def test_keys_that_came_later_take_their_defaults(compose, tmp_path):
    config = compose("train", "model=tiny", "trainer.epochs=9")
    record = written(config, tmp_path)
    del record["config"]["trainer"]["patience"]
    assert config_of(record, SCHEMAS["train"]) == config


def spoilt(record, key, value):
    section, _, name = key.rpartition(".")
    (record["config"][section] if section else record["config"])[name] = value
    return record


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("trainer.momentum", 1, "does not fit infoxlm .*: trainer.momentum is not a key.* train"),
        ("trainer.epochs", "many", "does not fit infoxlm .*: trainer.epochs is 'many', not int"),
        ("data", None, "does not fit infoxlm"),
        ("data.eval_languages", ["german"], "'german' is not the code of a language"),
    ],
)
def test_configuration_of_another_version(key, value, message, compose, tmp_path):
    record = spoilt(written(compose("train", "model=tiny"), tmp_path), key, value)
    with pytest.raises(UserError, match=message):
        config_of(record, SCHEMAS["train"])


@pytest.mark.parametrize("config", [3, None, [], "x"])
def test_configuration_that_is_none(config):
    with pytest.raises(UserError, match="does not fit infoxlm"):
        config_of({"version": "0.1.0", "config": config}, SCHEMAS["train"])


def test_record_without_a_configuration():
    record = {"version": "0.0.9", "git": {"commit": "0123456789abcdef", "dirty": False}}
    with pytest.raises(UserError, match=r"no configuration.*0\.0\.9 at commit 0123456789ab "):
        config_of(record, SCHEMAS["train"])


def test_unreadable_records(tmp_path):
    with pytest.raises(UserError, match="is not the folder of a run: it has no run.json"):
        read_run_record(tmp_path)
    for text in ("{", "[]", '"x"', b"\xff\xfe".decode("latin-1")):
        (tmp_path / "run.json").write_text(text, encoding="latin-1")
        with pytest.raises(UserError, match=r"run\.json is damaged"):
            read_run_record(tmp_path)


def test_weights_checksums(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    (tmp_path / "sentencepiece.bpe.model").write_bytes(b"pieces")
    (tmp_path / "optimizer.safetensors").write_bytes(b"moments")
    assert weights_checksums(tmp_path) == {
        str(tmp_path / name): hashlib.sha256(content).hexdigest()
        for name, content in (
            ("model.safetensors", b"weights"),
            ("sentencepiece.bpe.model", b"pieces"),
        )
    }
    assert weights_checksums(tmp_path / "absent") == {}


def test_checksums_of_every_file_that_ids_depend_on(tmp_path):
    for name in ("added_tokens.json", "tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_text("{}")
    names = {path.rsplit("/", 1)[1] for path in weights_checksums(tmp_path)}
    assert names == {"added_tokens.json", "tokenizer.json"}
    (tmp_path / "sentencepiece.bpe.model").write_bytes(b"pieces")
    names = {path.rsplit("/", 1)[1] for path in weights_checksums(tmp_path)}
    assert names == {"added_tokens.json", "sentencepiece.bpe.model", "tokenizer.json"}
    (tmp_path / "added_tokens.json").unlink()
    names = {path.rsplit("/", 1)[1] for path in weights_checksums(tmp_path)}
    assert names == {"sentencepiece.bpe.model"}


def test_imports_nothing_heavy():
    code = (
        "import sys; from infoxlm.runs.machine import describe_process;"
        "import infoxlm.runs.run_record, infoxlm.runs.outcome;"
        "import infoxlm.tracking.visualdl_writer, infoxlm.tracking.dashboard;"
        "import infoxlm.evaluate.report, infoxlm.evaluate.plot, infoxlm.tasks.task;"
        "import infoxlm.runs.run_comparison_report, infoxlm.runs.reproduction;"
        "import infoxlm.commands.compare, infoxlm.commands.repeat;"
        "describe_process();"
        "print(sorted({'paddle', 'paddlenlp', 'torch', 'matplotlib', 'visualdl'} & {*sys.modules}))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (result.stdout, result.stderr) == ("[]\n", "")
