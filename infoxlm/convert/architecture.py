"""What an XLM-R checkpoint has to contain, as its config.json tells."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from infoxlm.constants import ENCODER_PREFIX

POOLER = "roberta.pooler"
#: Parts a checkpoint may or may not have; each is whole or absent.
OPTIONAL_PARTS = (POOLER, "lm_head", "classifier")


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
