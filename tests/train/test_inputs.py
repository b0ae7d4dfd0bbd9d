import pytest

from infoxlm.errors import UserError
from infoxlm.schema import ModelConfig, ShapeConfig
from infoxlm.train.inputs import (
    model_folder,
    model_tokenizer,
)


def test_model_folder(tiny_model, tmp_path):
    assert model_folder(ModelConfig(name="tiny", shape=ShapeConfig()), tmp_path) is None
    tiny_model().save_pretrained(tmp_path / "weights")
    named = ModelConfig(name="some", checkpoint=str(tmp_path / "weights"))
    assert model_folder(named, tmp_path) == tmp_path / "weights"
    with pytest.raises(UserError, match="model.checkpoint is not set and model.shape neither"):
        model_folder(ModelConfig(name="none"), tmp_path)


def test_model_tokenizer(compose, sentencepiece_file, tmp_path):
    config = compose("train", "model=tiny", "data=sample", "hardware.threads=1")
    parts = (tmp_path, config.hardware)
    made = model_tokenizer(config.model, None, *parts)
    assert made.vocab_size == config.model.shape.vocab_size
    found = model_tokenizer(config.model, sentencepiece_file.parent, *parts)
    assert found.fingerprint != made.fingerprint
