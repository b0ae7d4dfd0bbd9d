"""Which tensor of a checkpoint is which tensor of the architecture."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from infoxlm.constants import ENCODER_PREFIX
from infoxlm.convert.architecture import (
    ExpectedTensor,
    expected_tensors,
    present_parts,
)
from infoxlm.errors import UserError

#: Buffers that old versions of transformers saved; both frameworks make them anew.
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
        left_over: Names that have no place in an XLM-R.
        parts: The optional parts that are there.
    """

    sources: dict[str, str]
    expected: dict[str, ExpectedTensor]
    buffers: tuple[str, ...]
    tied: tuple[str, ...]
    left_over: tuple[str, ...]
    parts: tuple[str, ...]


def canonical_name(name: str) -> str:
    """The name with the prefix ``roberta.``, which bare encoders are saved without."""
    bare = name.startswith(("embeddings.", "encoder.", "pooler."))
    return ENCODER_PREFIX + name if bare else name


def match_names(names: Iterable[str], config: dict[str, Any], where: str) -> NameMatch:
    """Find the architecture's tensors among a checkpoint's.

    Args:
        names: The checkpoint's tensor names.
        config: Its checked ``config.json``.
        where: What it is called in messages.

    Raises:
        UserError: A tensor is there twice or missing, or there are more layers than the
            configuration says.
    """
    sources: dict[str, str] = {}
    for name in sorted(names):
        canonical = canonical_name(name)
        if canonical in sources:
            raise UserError(
                f"{where} has both {sources[canonical]} and {name}",
                f"Remove one of the two; they are the same tensor of {ENCODER_PREFIX}*.",
            )
        sources[canonical] = name
    parts = present_parts(sources)
    expected = expected_tensors(config, parts)
    refuse_missing(expected, sources, where)
    refuse_more_layers(sources, config["num_hidden_layers"], where)
    rest = sources.keys() - expected.keys() - set(BUFFERS) - TIED.keys()
    return NameMatch(
        sources=sources,
        expected=expected,
        buffers=tuple(sources[name] for name in BUFFERS if name in sources),
        tied=tuple(name for name in TIED if name in sources),
        left_over=tuple(sorted(sources[name] for name in rest)),
        parts=parts,
    )


def refuse_missing(expected: Iterable[str], present: Iterable[str], where: str) -> None:
    """Raise when a tensor of the architecture is not there."""
    present = set(present)
    if missing := [name for name in expected if name not in present]:
        more = f" and {len(missing) - 1} more tensors" if len(missing) > 1 else ""
        raise UserError(
            f"{where} has no {missing[0]}{more}",
            "Give a whole checkpoint, with the config.json that belongs to it.",
        )


def refuse_more_layers(names: Iterable[str], layers: int, where: str) -> None:
    """Raise when there are more layers than ``config.json`` says: half a model would result."""
    found = {int(match[1]) for name in names if (match := LAYER.match(name))}
    if max(found) >= layers:
        raise UserError(
            f"{where} has {max(found) + 1} layers, its config.json says num_hidden_layers {layers}",
            "Give a checkpoint with the config.json that belongs to it.",
        )
