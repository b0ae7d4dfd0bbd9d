"""Both frameworks with the same dropout masks: xnli_e5_small/same_dropout.py, in small."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from infoxlm.convert import convert_to_torch
from infoxlm.data.xnli import WORDS
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

SCRIPT = Path(__file__).parents[1] / "experiments" / "xnli_e5_small" / "same_dropout.py"
TEXTS = ("the cat sat on the mat and the dog ran home", "a woman", "never alone in the park", "the")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    spec = importlib.util.spec_from_file_location("same_dropout", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def differences(script, tiny_model, sentencepiece_file, tmp_path_factory):
    """Trains both from one model with dropout, and gives how far their losses are apart."""
    folder = tmp_path_factory.mktemp("same_dropout")
    model = tiny_model(
        hidden_dropout_prob=0.2, attention_probs_dropout_prob=0.3, max_position_embeddings=140
    )
    model.save_pretrained(folder / "paddle")
    InfoXLMTokenizer(sentencepiece_file).save_pretrained(folder / "paddle")
    convert_to_torch(folder / "paddle", folder / "torch")
    pairs = [
        {"premise": TEXTS[row % 4], "hypothesis": TEXTS[row % 3], "label": WORDS[row % 3]}
        for row in range(40)
    ]

    def trained():
        sizes = {"batch": 8, "steps": 5, "tokens": 90, "seed": 1}
        history = script.train(folder / "torch", folder / "cache", pairs, **sizes)
        assert all(np.ptp(step["learning_rate"]) < 1e-12 for step in history)
        return [abs(step["ours"]["loss"] - step["pytorch"]["loss"]) for step in history]

    return trained


def test_losses_are_the_same(differences):
    found = differences()
    assert len(found) == 5
    assert max(found) < 1e-5


def test_masks_at_other_places_would_show(differences, script, monkeypatch):
    mask = script.GivenBatch.next_mask

    def turned(batch, shape):
        return mask(batch, shape)[::-1].copy()

    monkeypatch.setattr(script.GivenBatch, "next_mask", turned)
    assert max(differences()) > 1e-3
