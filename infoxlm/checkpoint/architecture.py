"""The tensors that an XLM-R checkpoint must contain, derived from its config.json."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from infoxlm.constants import ENCODER_PREFIX

POOLER = "roberta.pooler"
#: The head of sentence classification: two linear layers over ``<s>``.
CLASSIFIER = "classifier"
#: The head of token classification and multiple choice: one linear layer of the same name.
LINEAR_CLASSIFIER = "linear classifier"
QA_HEAD = "qa_outputs"
LM_HEAD = "lm_head"
#: The ending of transformers' class for each head.
HEADS = {
    CLASSIFIER: "ForSequenceClassification",
    LINEAR_CLASSIFIER: "ForTokenClassification",
    QA_HEAD: "ForQuestionAnswering",
    LM_HEAD: "ForMaskedLM",
}
MULTIPLE_CHOICE = "ForMultipleChoice"


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
    """The number of labels of a classifier; transformers and PaddleNLP both take 2 for granted."""
    return len(config["id2label"]) if config.get("id2label") else config.get("num_labels", 2)


def numbered_labels(count: int) -> dict[str, Any]:
    """The entries of a config.json for labels without names, called as transformers does."""
    labels = [f"LABEL_{index}" for index in range(count)]
    return {
        "id2label": {str(index): label for index, label in enumerate(labels)},
        "label2id": {label: index for index, label in enumerate(labels)},
    }


def present_parts(names: Iterable[str]) -> tuple[str, ...]:
    """The optional parts (pooler, heads) of a checkpoint, found in canonical tensor names.

    Each is whole or absent.
    """
    names = set(names)
    parts = [
        part
        for part in (POOLER, LM_HEAD, CLASSIFIER, QA_HEAD)
        if any(name.startswith(f"{part}.") for name in names)
    ]
    if names & {"classifier.weight", "classifier.bias"}:
        parts[parts.index(CLASSIFIER)] = LINEAR_CLASSIFIER
    return tuple(parts)


def class_names(parts: Iterable[str], config: Mapping[str, Any]) -> list[str]:
    """The entry ``architectures`` of a config.json for a checkpoint with these parts.

    Args:
        parts: The optional parts that are there.
        config: The ``config.json`` it was read with: only that tells multiple choice from token
            classification.
    """
    endings = HEADS | ({LINEAR_CLASSIFIER: MULTIPLE_CHOICE} if is_multiple_choice(config) else {})
    present = [f"XLMRoberta{ending}" for head, ending in endings.items() if head in tuple(parts)]
    return present or ["XLMRobertaModel"]


def is_multiple_choice(config: Mapping[str, Any]) -> bool:
    """Tell whether a ``config.json`` is of a model that scores one choice at a time."""
    return any(str(name).endswith(MULTIPLE_CHOICE) for name in config.get("architectures") or ())


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
    if LM_HEAD in parts:
        linear("lm_head.dense", hidden, hidden)
        layer_norm("lm_head.layer_norm")
        tensors["lm_head.bias"] = ExpectedTensor((vocabulary,))
    if CLASSIFIER in parts:
        linear("classifier.dense", hidden, hidden)
        linear("classifier.out_proj", number_of_labels(config), hidden)
    if LINEAR_CLASSIFIER in parts:
        linear("classifier", 1 if is_multiple_choice(config) else number_of_labels(config), hidden)
    if QA_HEAD in parts:
        linear(QA_HEAD, 2, hidden)  # where an answer begins and where it ends
    return tensors
