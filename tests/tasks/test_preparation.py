from pathlib import Path

import pytest

from infoxlm.data.source import open_source
from infoxlm.errors import UserError
from infoxlm.schema import ModelConfig, ShapeConfig
from infoxlm.tasks.preparation import (
    data_checksums,
    flat_settings,
    model_folder,
    model_tokenizer,
)


def test_flat_settings(compose):
    settings = flat_settings(compose("train", "model=tiny", "hardware=gpu_bf16"))
    assert settings["seed"] == 42
    assert settings["hardware.amp"] == "bf16"
    assert settings["trainer.select_on"] == "dev_average"
    assert settings["model.shape.hidden_size"] == 32
    assert settings["data.train_languages"] == "en"
    assert settings["data.eval_languages"].split()[-2:] == ["vi", "zh"]
    assert settings["trainer.patience"] is None
    assert not [key for key, value in settings.items() if isinstance(value, dict | list)]


def test_flat_settings_are_overrides_of_the_command_line(compose):
    settings = flat_settings(compose("train", "model=tiny", "seed=3"))
    plain = {key: value for key, value in settings.items() if "languages" not in key}
    overrides = [f"{key}={'null' if value is None else value}" for key, value in plain.items()]
    assert flat_settings(compose("train", "model=tiny", *overrides)) == settings


def test_model_folder(tmp_path):
    assert model_folder(ModelConfig(name="tiny", shape=ShapeConfig()), tmp_path) is None
    (tmp_path / "weights").mkdir()
    named = ModelConfig(name="some", checkpoint=str(tmp_path / "weights"))
    assert model_folder(named, tmp_path) == tmp_path / "weights"
    with pytest.raises(UserError, match="model.checkpoint is not set and model.shape neither"):
        model_folder(ModelConfig(name="none"), tmp_path)


def test_tokenizer_beside_the_weights_or_made_for_the_shape(
    compose, sentencepiece_file, cache_folder
):
    config = compose("train", "model=tiny", "data=sample", "hardware.threads=1")
    parts = (config.data, config.hardware)
    made = model_tokenizer(config.model, None, *parts)
    assert made.vocab_size == config.model.shape.vocab_size
    found = model_tokenizer(config.model, sentencepiece_file.parent, *parts)
    assert found.fingerprint != made.fingerprint


def test_data_checksums():
    source = open_source("embedded")
    checksums = data_checksums(source, [("train", ["en"]), ("dev", ["de", "sw"])])
    assert list(checksums) == ["train/en", "dev/de", "dev/sw"]
    assert len(set(checksums.values())) == 3
    assert Path(*source.files("train", "en")).is_file()
