"""Matching of a checkpoint's tensor names to those of the architecture."""

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from infoxlm.checkpoint.adapter_names import check_no_adapters
from infoxlm.checkpoint.architecture import (
    ExpectedTensor,
    expected_tensors,
    present_parts,
)
from infoxlm.checkpoint.checkpoint import Tensors
from infoxlm.checkpoint.tensor_names import canonical_name, unwrapped_name
from infoxlm.constants import ENCODER_PREFIX
from infoxlm.errors import UserError, and_more

logger = logging.getLogger(__name__)

#: Buffers that old versions of transformers saved; both frameworks make them again.
BUFFERS = ("roberta.embeddings.position_ids", "roberta.embeddings.token_type_ids")
#: Second names of a tensor, dropped once their values have been found equal.
TIED = {
    "lm_head.decoder.weight": "roberta.embeddings.word_embeddings.weight",
    "lm_head.decoder.bias": "lm_head.bias",
}
LAYER = re.compile(r"roberta\.encoder\.layer\.(\d+)\.")


@dataclass(frozen=True)
class NameMatch:
    """The tensors of a checkpoint, sorted by what becomes of them.

    Attributes:
        sources: Canonical name to the checkpoint's own name, of everything in it.
        expected: Canonical name to shape, of what is converted.
        buffers: Names left out because they are no weights.
        tied: Canonical names left out because they equal another tensor.
        renamed: Names that differ from the bare model's by more than the encoder's prefix.
        parts: The optional parts that are there.
    """

    sources: dict[str, str]
    expected: dict[str, ExpectedTensor]
    buffers: tuple[str, ...]
    tied: tuple[str, ...]
    renamed: tuple[str, ...]
    parts: tuple[str, ...]

    def log_renamed(self, where: object) -> None:
        """Say which names were not taken as they are, if any."""
        if self.renamed:
            first = self.renamed[0]
            logger.info(
                "%s: %d tensors were renamed, such as %s to %s",
                where, len(self.renamed), first, canonical_name(first),
            )  # fmt: skip


def match_names(names: Iterable[str], config: dict[str, Any], where: str) -> NameMatch:
    """Find the architecture's tensors among a checkpoint's.

    Args:
        names: The checkpoint's tensor names.
        config: Its checked ``config.json``.
        where: What it is called in messages.

    Raises:
        UserError: A tensor is there twice or missing, there are more layers than the
            configuration says, or a tensor has no place in an XLM-R: it would be left out, and
            the model compute something else.
    """
    names = sorted(names)
    check_no_adapters(names, where)
    sources: dict[str, str] = {}
    for name in names:
        canonical = canonical_name(name)
        if canonical in sources:
            raise UserError(
                f"{where} has both {sources[canonical]} and {name}",
                f"Remove one of the two; they are the same tensor of {ENCODER_PREFIX}*.",
            )
        sources[canonical] = name
    parts = present_parts(sources)
    expected = expected_tensors(config, parts)
    check_complete(expected, sources, where)
    check_layer_count(sources, config["num_hidden_layers"], where)
    check_all_placed(
        [sources[name] for name in sources.keys() - expected.keys() - set(BUFFERS) - TIED.keys()],
        where,
    )
    return NameMatch(
        sources=sources,
        expected=expected,
        buffers=tuple(sources[name] for name in BUFFERS if name in sources),
        tied=tuple(name for name in TIED if name in sources),
        renamed=tuple(name for name in names if unwrapped_name(name) != name),
        parts=parts,
    )


def check_tied(tensors: Tensors, match: NameMatch) -> None:
    """Make sure that the tensors left out as second names hold nothing of their own.

    Args:
        tensors: The checkpoint's tensors.
        match: What is what among them.

    Raises:
        UserError: One differs from the tensor it is tied to.
    """
    for name in match.tied:
        first, second = match.sources[TIED[name]], match.sources[name]
        shape = match.expected[TIED[name]].torch_shape
        if not np.array_equal(tensors.read(first, shape), tensors.read(second, shape)):
            raise UserError(
                f"{tensors.path}: {second} differs from {first}",
                "XLM-R ties the two; a model with an output matrix of its own cannot be read.",
            )


def check_complete(expected: Iterable[str], present: Iterable[str], where: str) -> None:
    """Raise when a tensor of the architecture is not there."""
    present = set(present)
    if missing := [name for name in expected if name not in present]:
        raise UserError(
            f"{where} has no {and_more(missing)}",
            "Give a whole checkpoint, with the config.json that belongs to it.",
        )


def check_all_placed(names: Iterable[str], where: str) -> None:
    """Raise when there are tensors that no XLM-R and no head of it computes with."""
    if unplaced := sorted(names):
        raise UserError(
            f"{where} holds {and_more(unplaced)} without a place in XLM-R",
            "Give a checkpoint of a plain XLM-R; if its model never computes with them, remove "
            "them from the file.",
        )


def check_layer_count(names: Iterable[str], layers: int, where: str) -> None:
    """Raise when there are more layers than ``config.json`` says: half a model would result."""
    found = {int(match[1]) for name in names if (match := LAYER.match(name))}
    if max(found) >= layers:
        raise UserError(
            f"{where} has {max(found) + 1} layers, its config.json says num_hidden_layers {layers}",
            "Give a checkpoint with the config.json that belongs to it.",
        )
