"""The config.json of a model folder: read, and found to describe an XLM-R."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infoxlm.constants import MAX_LAYER_NORM_EPSILON, MAX_LENGTH, MIN_LENGTH, PAD_ID
from infoxlm.errors import UserError
from infoxlm.files.json_file import read_json
from infoxlm.schema.checks import LARGEST
from infoxlm.schema.json_shapes import brief

CONFIG_FILE = "config.json"
MODEL_TYPE = "xlm-roberta"
#: RoBERTa has the same encoder; early copies of XLM-R and InfoXLM are labelled so.
ACCEPTED_MODEL_TYPES = (MODEL_TYPE, "roberta")
SIZES = (
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "max_position_embeddings",
    "type_vocab_size",
)
DROPOUTS = ("hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout")
#: What XLM-R alone computes with; what is left out means the same.
FIXED = {"hidden_act": "gelu", "position_embedding_type": "absolute", "pad_token_id": PAD_ID}

CORRECT = "Correct config.json; it has to describe the weights next to it."


def read_config_file(folder: Path) -> dict[str, Any]:
    """Read and check the ``config.json`` of a model folder.

    Raises:
        UserError: It is missing, damaged, or of another kind of model.
    """
    path = folder / CONFIG_FILE
    if not folder.is_dir():
        problem = "is a file" if folder.exists() else "does not exist"
        raise UserError(f"model folder {folder} {problem}", "Give a folder that holds a model.")
    try:
        config = read_json(path)
    except FileNotFoundError as error:
        raise UserError(
            f"{folder} has no {CONFIG_FILE}", "Give a folder that holds a whole model."
        ) from error
    except OSError as error:
        raise UserError(
            f"{path} cannot be read: {error.strerror}", "Set its permissions, or give another."
        ) from error
    except ValueError as error:
        raise UserError(f"{path} is not JSON: {error}", "Fetch or write it again.") from error
    if not isinstance(config, dict):
        raise UserError(f"{path} is not a JSON object", "Fetch or write it again.")
    check_config(config, path)
    return config


def check_config(config: Mapping[str, Any], path: Path) -> None:
    """Refuse what is not an XLM-R, and what no model can be built from.

    Args:
        config: The contents of a ``config.json``.
        path: Where it was read, for messages.

    Raises:
        UserError: The kind of model is another, or an entry is missing or makes no sense.
    """

    def check(holds: bool, key: str, wanted: str, remedy: str = CORRECT) -> None:
        if not holds:
            raise UserError(f"{path}: {key} is {brief(config.get(key))}, not {wanted}", remedy)

    check(
        config.get("model_type") in ACCEPTED_MODEL_TYPES, "model_type", repr(MODEL_TYPE),
        "Give an XLM-R or InfoXLM checkpoint; other architectures cannot be read.",
    )  # fmt: skip
    for key, only in FIXED.items():
        check(config.get(key, only) == only, key, f"{only!r} as in XLM-R", "Give an XLM-R.")
    for key in SIZES:
        size = config.get(key)
        check(type(size) is int and 1 <= size <= LARGEST, key, "a positive whole number")
    heads, hidden = config["num_attention_heads"], config["hidden_size"]
    if hidden % heads:
        raise UserError(
            f"{path}: hidden_size {hidden} is not a multiple of num_attention_heads {heads}",
            CORRECT,
        )
    for key in DROPOUTS:
        value = config.get(key, 0)
        if key != "classifier_dropout" or value is not None:  # null: as the hidden states'
            check(is_number(value) and 0 <= value < 1, key, "from 0 to below 1")
    for key, most in (("layer_norm_eps", MAX_LAYER_NORM_EPSILON), ("initializer_range", 1)):
        value = config.get(key, most)
        check(is_number(value) and 0 < value <= most, key, f"above 0 and at most {most}")
    length = config.get("train_max_length", MAX_LENGTH)
    check(
        type(length) is int and MIN_LENGTH <= length <= MAX_LENGTH, "train_max_length",
        f"a whole number from {MIN_LENGTH} to {MAX_LENGTH}",
    )  # fmt: skip
    check(isinstance(config.get("encoder_name", ""), str), "encoder_name", "a text")
    number = config.get("num_labels", 2)
    check(type(number) is int and 1 <= number <= LARGEST, "num_labels", "a positive whole number")
    labels = config.get("id2label") or {}
    check(
        isinstance(labels, dict)
        and set(labels) == {str(index) for index in range(len(labels))}
        and all(isinstance(label, str) for label in labels.values()),
        "id2label",
        "an object of texts under the keys 0, 1, ...",
    )


def is_number(value: Any) -> bool:
    """Tell whether a JSON value is a finite number."""
    return type(value) in (int, float) and math.isfinite(value)


def check_fits(config: Mapping[str, Any], vocab_size: int, max_length: int) -> None:
    """Check that a model has an embedding for every token and a position for every place.

    Args:
        config: Its checked configuration.
        vocab_size: What the tokenizer needs.
        max_length: The longest input, in tokens.

    Raises:
        UserError: It has not.
    """
    if config["vocab_size"] < vocab_size:
        raise UserError(
            f"the model has {config['vocab_size']} word embeddings, its tokenizer {vocab_size} "
            "tokens",
            "Give a checkpoint whose weights and sentencepiece.bpe.model belong together.",
        )
    longest = config["max_position_embeddings"] - PAD_ID - 1
    if max_length > longest:
        raise UserError(
            f"data.max_length={max_length}, but the model has positions for {longest} tokens",
            f"Set data.max_length to at most {longest}.",
        )
