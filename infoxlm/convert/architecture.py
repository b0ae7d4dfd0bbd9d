"""What an XLM-R checkpoint has to contain, as its config.json tells."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infoxlm.constants import ENCODER_PREFIX
from infoxlm.errors import UserError

MODEL_TYPE = "xlm-roberta"
#: RoBERTa has the same encoder; early copies of XLM-R and InfoXLM are labelled so.
ACCEPTED_MODEL_TYPES = (MODEL_TYPE, "roberta")
POOLER = "roberta.pooler"
#: Parts a checkpoint may or may not have; each is whole or absent.
OPTIONAL_PARTS = (POOLER, "lm_head", "classifier")
SIZES = (
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "max_position_embeddings",
    "type_vocab_size",
)


@dataclass(frozen=True)
class ExpectedTensor:
    """A tensor the architecture asks for.

    Attributes:
        torch_shape: Its shape in PyTorch.
        is_linear: Whether it is a linear layer's weight: ``[out, in]`` in PyTorch and
            ``[in, out]`` in Paddle. Embeddings and vectors are the same in both.
    """

    torch_shape: tuple[int, ...]
    is_linear: bool = False


def read_config(folder: Path) -> dict[str, Any]:
    """Read and check the ``config.json`` of a model folder.

    Raises:
        UserError: It is missing, damaged, or of another kind of model.
    """
    path = folder / "config.json"
    if not path.is_file():
        raise UserError(f"{folder} has no config.json", "Give a folder that holds a whole model.")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is not JSON: {error}", "Fetch or write it again.") from error
    if not isinstance(config, dict):
        raise UserError(f"{path} is not a JSON object", "Fetch or write it again.")
    check_config(config, path)
    return config


def check_config(config: dict[str, Any], path: Path) -> None:
    """Refuse what is not an XLM-R.

    Args:
        config: The contents of a ``config.json``.
        path: Where it was read, for messages.

    Raises:
        UserError: The kind of model is another, or a size is missing or makes no sense.
    """
    model_type = config.get("model_type")
    if model_type not in ACCEPTED_MODEL_TYPES:
        raise UserError(
            f"{path}: model_type is {model_type!r}, not {MODEL_TYPE!r}",
            "Give an XLM-R or InfoXLM checkpoint; other architectures are not converted.",
        )
    kind = config.get("position_embedding_type", "absolute")
    if kind != "absolute":
        raise UserError(
            f"{path}: position_embedding_type is {kind!r}",
            "Only checkpoints with absolute positions, as XLM-R has them, are converted.",
        )
    for key in SIZES:
        size = config.get(key)
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise UserError(
                f"{path}: {key} is {size!r}, not a positive whole number",
                "Correct config.json; it has to describe the weights beside it.",
            )
    if config["hidden_size"] % config["num_attention_heads"]:
        raise UserError(
            f"{path}: hidden_size {config['hidden_size']} is not a multiple of "
            f"num_attention_heads {config['num_attention_heads']}",
            "Correct config.json; it has to describe the weights beside it.",
        )


def number_of_labels(config: dict[str, Any]) -> int:
    """How many labels a classifier has; transformers and PaddleNLP both take 2 for granted."""
    return len(config["id2label"]) if config.get("id2label") else config.get("num_labels", 2)


def present_parts(names: Iterable[str]) -> tuple[str, ...]:
    """Which of ``OPTIONAL_PARTS`` occur in canonical tensor names."""
    names = tuple(names)
    return tuple(
        part for part in OPTIONAL_PARTS if any(name.startswith(f"{part}.") for name in names)
    )


def class_names(parts: Iterable[str]) -> list[str]:
    """The entry ``architectures`` of a config.json for a checkpoint with these parts."""
    heads = {"classifier": "ForSequenceClassification", "lm_head": "ForMaskedLM"}
    present = [f"XLMRoberta{suffix}" for head, suffix in heads.items() if head in tuple(parts)]
    return present or ["XLMRobertaModel"]


def expected_tensors(config: dict[str, Any], parts: Iterable[str]) -> dict[str, ExpectedTensor]:
    """Every tensor of an XLM-R, in the order of its forward pass.

    Args:
        config: A checked ``config.json``.
        parts: The optional parts to include.

    Returns:
        Canonical name (with the prefix ``roberta.``) to shape. Buffers and the tied output
        matrix of the masked-LM head are not among them.
    """
    hidden, inner, vocabulary = (
        config[key] for key in ("hidden_size", "intermediate_size", "vocab_size")
    )
    tensors: dict[str, ExpectedTensor] = {}

    def linear(name: str, outputs: int, inputs: int) -> None:
        tensors[f"{name}.weight"] = ExpectedTensor((outputs, inputs), is_linear=True)
        tensors[f"{name}.bias"] = ExpectedTensor((outputs,))

    def layer_norm(name: str) -> None:
        tensors[f"{name}.weight"] = tensors[f"{name}.bias"] = ExpectedTensor((hidden,))

    embeddings = f"{ENCODER_PREFIX}embeddings"
    for name, key in (
        ("word_embeddings", "vocab_size"),
        ("position_embeddings", "max_position_embeddings"),
        ("token_type_embeddings", "type_vocab_size"),
    ):
        tensors[f"{embeddings}.{name}.weight"] = ExpectedTensor((config[key], hidden))
    layer_norm(f"{embeddings}.LayerNorm")
    for index in range(config["num_hidden_layers"]):
        layer = f"{ENCODER_PREFIX}encoder.layer.{index}"
        for projection in ("query", "key", "value"):
            linear(f"{layer}.attention.self.{projection}", hidden, hidden)
        linear(f"{layer}.attention.output.dense", hidden, hidden)
        layer_norm(f"{layer}.attention.output.LayerNorm")
        linear(f"{layer}.intermediate.dense", inner, hidden)
        linear(f"{layer}.output.dense", hidden, inner)
        layer_norm(f"{layer}.output.LayerNorm")
    if POOLER in parts:
        linear(f"{POOLER}.dense", hidden, hidden)
    if "lm_head" in parts:
        linear("lm_head.dense", hidden, hidden)
        layer_norm("lm_head.layer_norm")
        tensors["lm_head.bias"] = ExpectedTensor((vocabulary,))
    if "classifier" in parts:
        linear("classifier.dense", hidden, hidden)
        linear("classifier.out_proj", number_of_labels(config), hidden)
    return tensors
