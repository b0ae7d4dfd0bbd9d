"""A LoRA adapter and the model it was trained on, read as one checkpoint."""

import logging
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from infoxlm.checkpoint.architecture import (
    CLASSIFIER,
    POOLER,
    QA_HEAD,
    number_of_labels,
    numbered_labels,
)
from infoxlm.checkpoint.checkpoint import Checkpoint, Tensors
from infoxlm.checkpoint.names import match_names
from infoxlm.checkpoint.safetensors_reader import SafetensorsReader
from infoxlm.checkpoint.tensor_names import canonical_name
from infoxlm.convert.lora_config import LoraConfig, read_lora_config
from infoxlm.convert.torch_folder import PickledTensors
from infoxlm.errors import UserError, and_more

logger = logging.getLogger(__name__)

AdapterFile = SafetensorsReader | PickledTensors
ADAPTER_FILES: dict[str, type[AdapterFile]] = {
    "adapter_model.safetensors": SafetensorsReader,
    "adapter_model.bin": PickledTensors,
}
#: What peft puts before the names of the model's own tensors.
PREFIX = "base_model.model."
#: A low-rank matrix: of a linear layer, or of an embedding, which has no ``weight`` behind it.
MATRIX = re.compile(r"(.+)\.(lora_(?:embedding_)?)([AB])(?:\.weight)?")
AGAIN = "Fetch or save the adapter again."
#: The two that belong together.
PAIRS = ({"lora_A", "lora_B"}, {"lora_embedding_A", "lora_embedding_B"})
#: Of each head that an encoder gets with an adapter, the tensor that has to be there.
NEW_HEADS = {CLASSIFIER: "classifier.dense.weight", QA_HEAD: f"{QA_HEAD}.weight"}
#: Rows of a table that are changed at a time: the product takes no second table's memory.
ROWS = 1 << 14


class MergedTensors:
    """The tensors of a base model with an adapter added, each when it is read.

    Args:
        base: The tensors of the base.
        adapter: Those of the adapter.
        config: What the adapter's configuration says.

    Raises:
        UserError: The adapter changes what the base does not have, or lacks what it should have.
    """

    def __init__(self, base: Tensors, adapter: AdapterFile, config: LoraConfig) -> None:
        self.path = adapter.path
        self._base, self._adapter, self._config = base, adapter, config
        self._in_base = {canonical_name(name): name for name in base.names}
        self._matrices: dict[str, dict[str, str]] = {}
        self._replaced: dict[str, str] = {}
        for name in sorted(adapter.names):
            self._sort(name)
        self.names = frozenset(self._in_base.keys() | self._replaced.keys())
        self._check()

    def _sort(self, name: str) -> None:
        segments = name.removeprefix(PREFIX).split(".")
        kept = [x for x in segments if x not in ("base_layer", "modules_to_save")]
        canonical = canonical_name(".".join(kept))
        if match := MATRIX.fullmatch(canonical):
            layer, kind, side = match.groups()
            place, key = self._matrices.setdefault(f"{layer}.weight", {}), kind + side
        elif name.startswith(PREFIX) and "lora_" not in name:
            place, key = self._replaced, canonical
        else:
            raise UserError(
                f"{self._adapter.path}: {name} is no tensor of a plain LoRA adapter",
                "Merge it with peft's model.merge_and_unload(), then save_pretrained().",
            )
        if key in place:
            raise UserError(f"{self._adapter.path} has both {place[key]} and {name}", AGAIN)
        place[key] = name

    def _check(self) -> None:
        where = self._adapter.path
        if not self._adapter.names:
            raise UserError(f"{where} is empty", AGAIN)
        if unknown := sorted(self._matrices.keys() - self.names):
            raise UserError(
                f"{where} changes {and_more(unknown)}, which {self._base.path} has not",
                "Name the model that it was trained on in adapter_config.json, as "
                "base_model_name_or_path.",
            )
        for layer, matrices in self._matrices.items():
            if set(matrices) not in PAIRS:
                found = " and ".join(sorted(matrices))
                raise UserError(f"{where} has of {layer} only {found}", AGAIN)
        for module in self._config.saved:
            wanted = [x for x in self._in_base if f".{module}." in f".{x}" and POOLER not in x]
            if module in NEW_HEADS and not wanted:  # of an encoder that got a head with it
                wanted = [NEW_HEADS[module]]
            if missing := sorted(set(wanted) - self._replaced.keys()):
                raise UserError(
                    f"{where} has no {and_more(missing)}: adapter_config.json says {module} is "
                    "saved with it (modules_to_save)",
                    AGAIN,
                )

    @property
    def labels_of_new_classifier(self) -> int | None:
        """The number of labels of the adapter's own classifier; None without one."""
        names = ("classifier.out_proj.bias", "classifier.bias")
        name = next((self._replaced[x] for x in names if x in self._replaced), None)
        return None if name is None else self._adapter.shape(name)[0]

    def read(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """Read one tensor as float32, merged; UserError when its shape is another."""
        if name in self._replaced:
            values = self._adapter.read(self._replaced[name], shape)
        else:
            values = self._base.read(self._in_base[name], shape)
        if name not in self._matrices:
            return values
        first, second, scale = self._product(name, shape)
        values = values.copy()  # it may be the base's own memory
        for start in range(0, shape[0], ROWS):
            values[start : start + ROWS] += (first[start : start + ROWS] @ second) * scale
        return values

    def _product(
        self, name: str, shape: tuple[int, ...]
    ) -> tuple[np.ndarray, np.ndarray, np.float32]:
        """The two factors of what is added to a matrix ``[rows, columns]``, and their scale."""
        matrices = self._matrices[name]
        embedding = "lora_embedding_A" in matrices
        kind = "lora_embedding_" if embedding else "lora_"
        rank = self._adapter.shape(matrices[f"{kind}A"])[0]
        outer, inner = (shape[0], shape[1]) if not embedding else (shape[1], shape[0])
        a = self._adapter.read(matrices[f"{kind}A"], (rank, inner))
        b = self._adapter.read(matrices[f"{kind}B"], (outer, rank))
        scale = np.float32(self._config.scale(name.removesuffix(".weight"), rank))
        return (a.T, b.T, scale) if embedding else (b, a, scale)


def read_adapter_folder(
    folder: Path, source: str | None, open_base: Callable[[str, str | None], Checkpoint]
) -> Checkpoint:
    """Open a folder that peft saved, merged into the model that it names.

    Configuration and tokenizer are the base's. Names of labels come with it too, unless the
    adapter brings a classifier of another number of labels.

    Args:
        folder: The folder, with ``adapter_config.json``.
        source: What the user called it; the folder itself when None.
        open_base: Opens the base by its name and, on the hub, its revision.

    Raises:
        UserError: Adapter or base cannot be read, or do not belong together.
    """
    config = read_lora_config(folder)
    adapter = find_adapter(folder)
    try:
        base = open_base(config.base, config.revision)
    except UserError as error:
        raise UserError(
            f"{folder} is an adapter of {config.base}, which cannot be used: {error.problem}",
            "Name a folder of the base's PyTorch weights, or a hub id such as "
            "FacebookAI/xlm-roberta-base, in adapter_config.json, as base_model_name_or_path.",
        ) from error
    # What is wrong with the base alone is said of the base alone.
    match_names(base.tensors.names, base.config, str(base.tensors.path))
    tensors = MergedTensors(base.tensors, adapter, config)
    described, labels = dict(base.config), tensors.labels_of_new_classifier
    if labels is not None:
        if not described.get("id2label") or labels != number_of_labels(described):
            described |= numbered_labels(labels)
        names = ", ".join(described["id2label"].values())
        logger.info("%s: the classifier is the adapter's, its labels are called %s (for other "
                    "names: infoxlm convert, then config.json)", folder, names)  # fmt: skip
    merged = f"{source or folder}, a LoRA adapter merged into {config.base}"
    return replace(base, source=merged, config=described, tensors=tensors)


def find_adapter(folder: Path) -> AdapterFile:
    """Open the weights of an adapter's folder.

    Raises:
        UserError: There are none, or they are damaged.
    """
    for name, reader in ADAPTER_FILES.items():
        if (folder / name).is_file():
            return reader(folder / name)
    raise UserError(f"{folder} has neither {' nor '.join(ADAPTER_FILES)}", AGAIN)
