"""``tokenizer.json``, the one file of a fast tokenizer: read, and written as plain JSON.

It holds the same vocabulary as a SentencePiece model and says step by step how texts are taken
apart. Two ways of saying it give XLM-R's ids and are read: that of XLM-R's own file and of
transformers 5 (words are split at white space), and that of transformers 4, which converted a
SentencePiece model (spaces become ``▁``). They differ in one place only, see
`TokenizerJson.keeps_spaces`.
"""

import base64
import binascii
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from infoxlm.errors import UserError
from infoxlm.json_file import read_json_object
from infoxlm.json_shapes import brief
from infoxlm.tokenization.added_tokens import AddedToken, parse_added_token
from infoxlm.tokenization.sentencepiece_model import META_SPACE, Unigram

TOKENIZER_JSON = "tokenizer.json"

#: The pieces before and behind a vocabulary's own, in fairseq's order.
FIRST_PIECES = ("<s>", "<pad>", "</s>", "<unk>")
LAST_PIECE = "<mask>"

SINGLE = ("<s>", "A", "</s>")
PAIR = ("<s>", "A", "</s>", "</s>", "B", "</s>")

#: What transformers 4 puts behind the table of characters when it converts a SentencePiece model.
TRIM = {"type": "Strip", "strip_left": False, "strip_right": True}
MERGE_SPACES = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": META_SPACE}
ONE_SPACE = {**MERGE_SPACES, "content": " "}
#: What may follow the table without changing ids: where spaces become ``▁``, and where words are
#: split at white space.
TIDYING: dict[bool, list[list[dict[str, Any]]]] = {
    True: [[TRIM, MERGE_SPACES]],
    False: [[], [ONE_SPACE], [TRIM], [TRIM, ONE_SPACE]],
}
SPLIT_WORDS = {"type": "WhitespaceSplit"}
SPLIT_SPACES = {
    "type": "Metaspace",
    "replacement": META_SPACE,
    "prepend_scheme": "always",
    "split": True,
}


@dataclass(frozen=True)
class TokenizerJson:
    """What a ``tokenizer.json`` says.

    Attributes:
        unigram: The vocabulary.
        added_tokens: All added tokens; XLM-R's own special ones are among them.
        keeps_spaces: Whether a space before an added token in the normalised text is a token of
            its own (``▁``): so in files that transformers 4 converted from a SentencePiece model.
    """

    unigram: Unigram
    added_tokens: tuple[AddedToken, ...]
    keeps_spaces: bool


def read_tokenizer_json(path: Path) -> TokenizerJson:
    """Read the file.

    Raises:
        UserError: It is damaged, or describes another tokenizer than XLM-R's.
    """
    content = read_tokenizer_file(path)
    reader = _Reader(path)
    reader.check_model(content.get("model"))
    reader.check_post_processor(content.get("post_processor"))
    truncation = content.get("truncation") or {}
    if isinstance(truncation, dict) and truncation.get("direction", "Right") != "Right":
        reader.refuse("truncation", "from the left", "from the right")
    keeps_spaces, charsmap = reader.read_normalization(
        content.get("normalizer"), content.get("pre_tokenizer")
    )
    return TokenizerJson(
        unigram=Unigram(reader.read_pieces(content["model"]["vocab"]), charsmap),
        added_tokens=reader.added_tokens(content),
        keeps_spaces=keeps_spaces,
    )


def read_added_tokens(path: Path) -> tuple[tuple[AddedToken, ...], bool]:
    """Read the added tokens alone, of a file next to a SentencePiece model.

    Returns:
        The tokens, and `TokenizerJson.keeps_spaces`.

    Raises:
        UserError: The file is damaged.
    """
    content = read_tokenizer_file(path)
    splits = sequence(content.get("pre_tokenizer"), "pretokenizers")
    keeps_spaces = [kind_of(split) for split in splits] == ["Metaspace"]
    return _Reader(path).added_tokens(content), keeps_spaces


def read_tokenizer_file(path: Path) -> dict[str, Any]:
    """Read one of a tokenizer's JSON files.

    Raises:
        UserError: It cannot be read or is damaged.
    """
    try:
        return read_json_object(path)
    except OSError as error:
        raise UserError(
            f"{path} cannot be read: {error.strerror}", "Set its permissions, or give another."
        ) from error
    except ValueError as error:
        raise UserError(f"{path} is damaged: {error}", "Fetch or save it again.") from error


class _Reader:
    """Checks the parts of a ``tokenizer.json``.

    Args:
        path: The file, for messages.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def refuse(self, part: str, found: Any, wanted: str) -> NoReturn:
        """Raise the error for a part that is not XLM-R's."""
        raise UserError(
            f"{self._path}: its {part} is {found}, not {wanted} as in XLM-R",
            "Give an XLM-R or InfoXLM checkpoint with its own tokenizer.",
        )

    def check_model(self, model: Any) -> None:
        """Refuse other models than a unigram vocabulary in fairseq's order."""
        kind = kind_of(model)
        if kind is None and isinstance(model, dict) and isinstance(model.get("vocab"), list):
            kind = "Unigram"  # files before 2021 do not name it
        if kind != "Unigram":
            self.refuse("model", kind, "Unigram")
        if model.get("unk_id") != FIRST_PIECES.index("<unk>"):
            self.refuse("model's unk_id", model.get("unk_id"), "3")
        if model.get("byte_fallback"):
            self.refuse("model's byte_fallback", True, "false")

    def check_post_processor(self, processor: Any) -> None:
        """Refuse what does not make ``<s> a </s></s> b </s>``."""
        kind = kind_of(processor)
        if kind == "RobertaProcessing":
            ends = [processor.get("cls"), processor.get("sep")]
            if ends != [["<s>", 0], ["</s>", 2]]:
                self.refuse("post_processor's cls and sep", ends, "<s> (0) and </s> (2)")
        elif kind == "TemplateProcessing":
            for form, wanted in (("single", SINGLE), ("pair", PAIR)):
                found = tuple(map(template_piece, processor.get(form) or ()))
                if found != wanted:
                    self.refuse(
                        f"post_processor for {form} texts", " ".join(found), " ".join(wanted)
                    )
            special = processor.get("special_tokens")
            for token in ("<s>", "</s>"):
                entry = special.get(token) if isinstance(special, dict) else None
                ids = entry.get("ids") if isinstance(entry, dict) else None
                if ids != [FIRST_PIECES.index(token)]:
                    self.refuse(f"post_processor's id of {token}", ids, "fairseq's")
        else:
            self.refuse("post_processor", kind, "TemplateProcessing")

    def read_normalization(self, normalizer: Any, pre_tokenizer: Any) -> tuple[bool, bytes]:
        """Check how texts become words; return `keeps_spaces` and the table of characters."""
        steps = sequence(normalizer, "normalizers")
        splits = sequence(pre_tokenizer, "pretokenizers")
        split_kinds = [kind_of(split) for split in splits]
        converted = split_kinds == ["Metaspace"]
        if not converted and split_kinds != ["WhitespaceSplit", "Metaspace"]:
            self.refuse("pre_tokenizer", named(split_kinds), "WhitespaceSplit and Metaspace")
        metaspace = splits[-1]
        prepends = (
            metaspace.get("prepend_scheme", "always"),
            metaspace.get("add_prefix_space", True),
        )
        if prepends != ("always", True) or metaspace.get("replacement") != META_SPACE:
            self.refuse("Metaspace", json.dumps(metaspace), "a ▁ before every text")
        if not metaspace.get("split", True):
            self.refuse("Metaspace's split", False, "true")
        table, tidying = steps[0], steps[1:]
        if kind_of(table) != "Precompiled" or tidying not in TIDYING[converted]:
            wanted = ["Precompiled", *(["Strip", "Replace"] if converted else [])]
            self.refuse("normalizer", named(map(kind_of, steps)), named(wanted))
        try:
            charsmap = base64.b64decode(table.get("precompiled_charsmap"), validate=True)
        except (TypeError, ValueError, binascii.Error) as error:
            raise UserError(
                f"{self._path}: its precompiled_charsmap is damaged: {error}",
                "Save the tokenizer again.",
            ) from error
        return converted, charsmap

    def read_pieces(self, vocabulary: Any) -> tuple[tuple[str, float], ...]:
        """The pieces proper of the vocabulary, checked."""
        entries = self.checked_list(vocabulary, "model's vocab")
        for entry in entries:
            if not (
                isinstance(entry, list)
                and len(entry) == 2
                and isinstance(entry[0], str)
                and type(entry[1]) in (int, float)
            ):
                self.refuse("model's vocab", f"damaged at {brief(entry)}", "pieces with scores")
        names = [piece for piece, _ in entries]
        first, last = tuple(names[: len(FIRST_PIECES)]), names[-1:]
        if first != FIRST_PIECES or last != [LAST_PIECE]:
            found = " ".join([*first, "...", *last])
            self.refuse("model's vocab", found, " ".join([*FIRST_PIECES, "...", LAST_PIECE]))
        own = slice(len(FIRST_PIECES), -1)
        return tuple((piece, float(score)) for piece, score in entries[own])

    def added_tokens(self, content: dict[str, Any]) -> tuple[AddedToken, ...]:
        """The added tokens, checked one by one."""
        entries = self.checked_list(content.get("added_tokens") or [], "added_tokens")
        return tuple(
            parse_added_token(
                entry, entry.get("id") if isinstance(entry, dict) else None, self._path
            )
            for entry in entries
        )

    def checked_list(self, value: Any, part: str) -> list[Any]:
        """A part that has to be a list."""
        if not isinstance(value, list):
            self.refuse(part, type(value).__name__, "a list")
        return value


def kind_of(part: Any) -> str | None:
    """The type that a part of the file names."""
    return part.get("type") if isinstance(part, dict) else None


def named(kinds: Iterable[str | None]) -> str:
    """The types of several parts, for a message."""
    return ", ".join(map(str, kinds)) or "None"


def sequence(part: Any, members: str) -> list[Any]:
    """The steps of a part: one, or those of a sequence."""
    if kind_of(part) == "Sequence" and isinstance(part.get(members), list):
        return list(part[members])
    return [part]


def template_piece(piece: Any) -> str:
    """The name of one place in a template."""
    for kind in ("SpecialToken", "Sequence"):
        inner = piece.get(kind) if isinstance(piece, dict) else None
        if isinstance(inner, dict):
            return str(inner.get("id"))
    return str(piece)
