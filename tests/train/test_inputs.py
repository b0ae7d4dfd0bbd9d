import hashlib
from pathlib import Path

import pytest
from infoxlm.train.inputs import (
    data_checksums,
    model_folder,
    model_tokenizer,
)

from infoxlm.data.source import open_source
from infoxlm.errors import UserError
from infoxlm.schema import ModelConfig, ShapeConfig


def test_model_folder(tiny_model, tmp_path):
    assert model_folder(ModelConfig(name="tiny", shape=ShapeConfig()), tmp_path) is None
    tiny_model().save_pretrained(tmp_path / "weights")
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


def test_data_checksums_are_those_of_the_files():
    source = open_source("embedded")
    checksums = data_checksums(source, {"train": ["en"], "dev": ["de", "sw"]})
    assert [Path(file).parts[-2:] for file in checksums] == [
        ("train", "en.tsv"), ("dev", "de.tsv"), ("dev", "sw.tsv")
    ]  # fmt: skip
    for file, checksum in checksums.items():
        assert checksum == hashlib.sha256(Path(file).read_bytes()).hexdigest()
