"""Tiny XLM-Rs with random weights, as transformers would save them."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from infoxlm.convert.architecture import expected_tensors
from infoxlm.tokenizer import InfoXLMTokenizer
from tests.convert.safetensors_of import write_safetensors

SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": 80,
    "type_vocab_size": 1,
}


@pytest.fixture(scope="session")
def tiny_config(sentencepiece_file: Path) -> dict[str, Any]:
    """The config.json of a tiny XLM-R whose vocabulary is the tiny tokenizer's."""
    return {
        "model_type": "xlm-roberta",
        "architectures": ["XLMRobertaModel"],
        "vocab_size": InfoXLMTokenizer(sentencepiece_file).vocab_size,
        "layer_norm_eps": 1e-5,
        "hidden_act": "gelu",
        "torch_dtype": "float16",
        "pad_token_id": 1,
        **SIZES,
    }


@pytest.fixture(scope="session")
def tiny_state(tiny_config: dict[str, Any]) -> Callable[..., dict[str, np.ndarray]]:
    """Draws a state dict in PyTorch's layout, with the parts that are asked for."""

    def draw(*parts: str, **changes: Any) -> dict[str, np.ndarray]:
        rng = np.random.default_rng(7)
        expected = expected_tensors({**tiny_config, **changes}, parts)
        return {
            name: rng.normal(size=tensor.torch_shape).astype(np.float32)
            for name, tensor in expected.items()
        }

    return draw


@pytest.fixture
def torch_folder(
    tmp_path: Path, sentencepiece_file: Path, tiny_config: dict[str, Any]
) -> Callable[..., Path]:
    """Writes a PyTorch folder with these tensors; needs no torch."""

    def write(state: dict[str, np.ndarray], name: str = "torch", **changes: Any) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        write_safetensors(folder / "model.safetensors", state, "pt")
        config = {**tiny_config, **changes}
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
        shutil.copy(sentencepiece_file, folder / "sentencepiece.bpe.model")
        return folder

    return write
