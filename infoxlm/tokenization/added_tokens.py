"""Tokens that were added to a vocabulary, such as ``[USER]``."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from infoxlm.errors import UserError
from infoxlm.schema.json_shapes import brief

FLAGS = ("lstrip", "rstrip", "single_word", "normalized", "special")


@dataclass(frozen=True)
class AddedToken:
    """One added token, with the flags of transformers.

    Attributes:
        id: Its token id.
        content: Its text.
        lstrip: Whether it takes in the white space before it.
        rstrip: Whether it takes in the white space after it.
        single_word: Whether it counts only where no letter, digit or accent touches it.
        normalized: Whether it is looked for in the normalised text.
        special: Whether transformers lists it among the special tokens.
    """

    id: int
    content: str
    lstrip: bool = False
    rstrip: bool = False
    single_word: bool = False
    normalized: bool = True
    special: bool = False

    def entry(self) -> dict[str, Any]:
        """The token as JSON files describe it, without its id."""
        return {name: value for name, value in asdict(self).items() if name != "id"}


def parse_added_token(entry: Any, token_id: Any, path: Path) -> AddedToken:
    """Check one added token as a JSON file describes it.

    Args:
        entry: Its text and flags.
        token_id: Its id.
        path: The file, for messages.

    Raises:
        UserError: It is not described as it should be.
    """
    good = (
        isinstance(entry, dict)
        and isinstance(entry.get("content"), str)
        and entry["content"] != ""
        and type(token_id) is int
        and 0 <= token_id < 2**31
        and all(type(entry.get(flag, False)) is bool for flag in FLAGS)
    )
    if not good:
        raise UserError(
            f"{path}: the added token {token_id!r} is damaged: {brief(entry)}",
            "Save the tokenizer again.",
        )
    flags = {flag: entry[flag] for flag in FLAGS if flag in entry}
    return AddedToken(token_id, entry["content"], **flags)


def check_ids(
    tokens: Iterable[AddedToken], size: int, piece_id: Callable[[str], int | None], source: Path
) -> None:
    """Refuse ids that transformers would not give the tokens.

    Args:
        tokens: The added tokens in the order of their ids.
        size: The number of ids without them.
        piece_id: The id of a text that is a piece of the vocabulary, else None.
        source: Where the vocabulary comes from, for messages.

    Raises:
        UserError: A token that is a piece has another id than it, or one that is not leaves ids
            free before its own.
    """
    free = size
    for token in tokens:
        expected = piece_id(token.content)
        if expected is None:
            expected = free
            free += 1
        if token.id != expected:
            raise UserError(
                f"{source.parent}: the added token {token.content!r} has id {token.id}, "
                f"not {expected}",
                "Number added tokens without a gap behind the vocabulary of "
                f"{size} ids, as save_pretrained of transformers does.",
            )
