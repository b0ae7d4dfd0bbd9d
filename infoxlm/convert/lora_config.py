"""peft's adapter_config.json: read, and found to describe a LoRA that can be merged."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infoxlm.checkpoint.config_file import is_number
from infoxlm.errors import UserError
from infoxlm.files.json_file import read_json_object
from infoxlm.schema.checks import LARGEST
from infoxlm.schema.json_shapes import brief

ADAPTER_CONFIG = "adapter_config.json"
MERGE = "Merge it with peft: AutoPeftModel's model.merge_and_unload(), then save_pretrained()."

#: Entries that say where, when and how the matrices were trained, not what they compute.
#: ``fan_in_fan_out`` is among them: peft itself puts it back to false for torch's linear layers,
#: and XLM-R has no others.
HARMLESS = {
    "auto_mapping", "base_model_name_or_path", "eva_config", "exclude_modules", "fan_in_fan_out",
    "inference_mode", "layers_pattern", "layers_to_transform", "lora_dropout", "megatron_core",
    "peft_version", "qalora_group_size", "rank_pattern", "revision", "target_modules", "task_type",
}  # fmt: skip
#: Entries that are read.
READ = {
    "alpha_pattern", "bias", "init_lora_weights", "lora_alpha", "modules_to_save", "peft_type", "r",
    "use_rslora",
}  # fmt: skip
#: Ways to begin that leave the base's weights as they are.
INITIALISATIONS = (True, False, "gaussian", "orthogonal", "eva")


@dataclass(frozen=True)
class LoraConfig:
    """The settings of ``adapter_config.json`` that the merged weights depend on.

    Attributes:
        base: What the adapter was trained on: a folder or a hub id.
        revision: Which state of it on the hub; None: the newest.
        alpha: The numerator of the scale.
        alpha_pattern: Other numerators, by the end of a layer's name.
        root: Whether the scale divides by the square root of the rank.
        saved: The modules that were trained whole and are saved with the adapter.
    """

    base: str
    revision: str | None
    alpha: float
    alpha_pattern: Mapping[str, float]
    root: bool
    saved: tuple[str, ...]

    def scale(self, layer: str, rank: int) -> float:
        """The scaling factor of the product of a layer's two matrices.

        Args:
            layer: The layer's name.
            rank: The inner dimension of the product.
        """
        endings = (x for x in self.alpha_pattern if f".{layer}".endswith(f".{x}"))
        ending = next(endings, None)
        alpha = self.alpha if ending is None else self.alpha_pattern[ending]
        return alpha / (math.sqrt(rank) if self.root else rank)


def is_adapter_folder(folder: Path) -> bool:
    """Tell whether a folder holds an adapter as peft saves it."""
    return (folder / ADAPTER_CONFIG).is_file()


def read_lora_config(folder: Path) -> LoraConfig:
    """Read and check the ``adapter_config.json`` of a folder.

    Raises:
        UserError: It is damaged, or the adapter is none that can be merged here.
    """
    path = folder / ADAPTER_CONFIG
    try:
        config = read_json_object(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is damaged: {error}", "Fetch or write it again.") from error
    base = config.get("base_model_name_or_path")
    if type(base) is not str or not base:
        raise UserError(
            f"{path} does not say which model the adapter belongs to",
            "Name a folder or a hub id there, as base_model_name_or_path.",
        )
    check_lora_config(config, f"{path}, an adapter of {base}")
    return LoraConfig(
        base=base,
        revision=config.get("revision") or None,
        alpha=config["lora_alpha"],
        alpha_pattern=config.get("alpha_pattern") or {},
        root=bool(config.get("use_rslora")),
        saved=tuple(config.get("modules_to_save") or ()),
    )


def check_lora_config(config: Mapping[str, Any], where: str) -> None:
    """Refuse every kind of adapter but plain LoRA, whatever a later peft may add.

    Args:
        config: The contents of an ``adapter_config.json``.
        where: What it is called in messages.

    Raises:
        UserError: It is of another kind, or an entry makes no sense.
    """

    def check(holds: bool, key: str, wanted: str, remedy: str = MERGE) -> None:
        if not holds:
            raise UserError(f"{where}: {key} is {brief(config.get(key))}, not {wanted}", remedy)

    check(config.get("peft_type") == "LORA", "peft_type", "'LORA'")
    check(config.get("bias", "none") == "none", "bias", "'none'")
    initialisation = config.get("init_lora_weights", True)
    check(
        initialisation in INITIALISATIONS, "init_lora_weights",
        "one that leaves the base as it was",
    )  # fmt: skip
    for key, value in config.items():
        check(not value or key in HARMLESS | READ, key, "left out as in plain LoRA")
    correct = f"Correct {ADAPTER_CONFIG}, or fetch it again."
    rank = config.get("r")
    check(type(rank) is int and 1 <= rank <= LARGEST, "r", "a positive whole number", correct)
    check(is_number(config.get("lora_alpha")), "lora_alpha", "a number", correct)
    patterns = config.get("alpha_pattern") or {}
    check(
        isinstance(patterns, dict) and all(map(is_number, patterns.values())), "alpha_pattern",
        "numbers by the names of layers", correct,
    )  # fmt: skip
    check(
        all(re.fullmatch(r"[\w.]+", name) for name in patterns), "alpha_pattern",
        "by plain names (expressions are not followed)",
    )  # fmt: skip
    saved = config.get("modules_to_save") or []
    check(
        isinstance(saved, list) and all(type(name) is str for name in saved), "modules_to_save",
        "a list of names", correct,
    )  # fmt: skip
    revision = config.get("revision")
    check(revision is None or type(revision) is str, "revision", "a text", correct)
