"""``tokenizer.json`` read; what is not XLM-R's in it is refused by name."""

import base64
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

from infoxlm.errors import UserError
from infoxlm.files.json_file import read_json_object
from infoxlm.schema.json_shapes import brief
from infoxlm.tokenization.added_tokens import AddedToken, parse_added_token
from infoxlm.tokenization.sentencepiece_model import META_SPACE, Unigram
from infoxlm.tokenization.tokenizer_json import (
    FIRST_PIECES,
    LAST_PIECE,
    PAIR,
    SINGLE,
    TIDYING,
    TokenizerJson,
)

#: Beyond any logarithm; float32, which sentencepiece stores, ends soon after.
LARGEST_SCORE = 1e38


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
        reader.refuse("truncation", Named(["from the left"]), "from the right")
    keeps_spaces, charsmap = reader.read_normalization(
        content.get("normalizer"), content.get("pre_tokenizer")
    )
    return TokenizerJson(
        unigram=Unigram(reader.read_pieces(content["model"].get("vocab")), charsmap),
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
            f"{self._path}: its {part} is {brief(found)}, not {wanted} as in XLM-R",
            "Give an XLM-R or InfoXLM checkpoint with its own tokenizer.",
        )

    def check_model(self, model: Any) -> None:
        """Refuse other models than a unigram vocabulary in fairseq's order."""
        kind = kind_of(model)
        if kind is None and isinstance(model, dict) and isinstance(model.get("vocab"), list):
            kind = "Unigram"  # files before 2021 do not name it
        if kind != "Unigram":
            self.refuse("model", Named([kind]), "Unigram")
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
                part = f"post_processor for {form} texts"
                found = tuple(map(template_piece, self.checked_list(processor.get(form), part)))
                if found != wanted:
                    self.refuse(part, Named(found), " ".join(wanted))
            special = processor.get("special_tokens")
            for token in ("<s>", "</s>"):
                entry = special.get(token) if isinstance(special, dict) else None
                ids = entry.get("ids") if isinstance(entry, dict) else None
                if ids != [FIRST_PIECES.index(token)]:
                    self.refuse(f"post_processor's id of {token}", ids, "fairseq's")
        else:
            self.refuse("post_processor", Named([kind]), "TemplateProcessing")

    def read_normalization(self, normalizer: Any, pre_tokenizer: Any) -> tuple[bool, bytes]:
        """Check how texts become words; return `keeps_spaces` and the table of characters."""
        steps = sequence(normalizer, "normalizers")
        splits = sequence(pre_tokenizer, "pretokenizers")
        split_kinds = [kind_of(split) for split in splits]
        converted = split_kinds == ["Metaspace"]
        if not converted and split_kinds != ["WhitespaceSplit", "Metaspace"]:
            self.refuse("pre_tokenizer", Named(split_kinds), "WhitespaceSplit and Metaspace")
        metaspace = splits[-1]
        prepends = (
            metaspace.get("prepend_scheme", "always"),
            metaspace.get("add_prefix_space", True),
        )
        if prepends != ("always", True) or metaspace.get("replacement") != META_SPACE:
            self.refuse("Metaspace", metaspace, "a ▁ before every text")
        if not metaspace.get("split", True):
            self.refuse("Metaspace's split", False, "true")
        table: Any = steps[0] if steps else None
        tidying = steps[1:]
        if kind_of(table) != "Precompiled" or tidying not in TIDYING[converted]:
            wanted = ["Precompiled", *(["Strip", "Replace"] if converted else [])]
            self.refuse("normalizer", Named(map(kind_of, steps)), " ".join(wanted))
        try:
            charsmap = base64.b64decode(table.get("precompiled_charsmap"), validate=True)
        except (TypeError, ValueError) as error:
            raise UserError(
                f"{self._path}: its precompiled_charsmap is damaged: {error}",
                "Save the tokenizer again.",
            ) from error
        if not charsmap:
            self.refuse("precompiled_charsmap", Named(["empty"]), "a table of characters")
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
                and abs(entry[1]) < LARGEST_SCORE
            ):
                self.refuse("model's vocab at one place", entry, "a piece with its score")
        names = [piece for piece, _ in entries]
        first, last = tuple(names[: len(FIRST_PIECES)]), names[-1:]
        if first != FIRST_PIECES or last != [LAST_PIECE]:
            wanted = " ".join([*FIRST_PIECES, "...", LAST_PIECE])
            self.refuse("model's vocab", Named([*first, "...", *last]), wanted)
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
            self.refuse(part, value, "a list")
        return value


def kind_of(part: Any) -> str | None:
    """The type that a part of the file names."""
    return part.get("type") if isinstance(part, dict) else None


class Named:
    """Names for a message, which stand there without quotes."""

    def __init__(self, names: Iterable[Any]) -> None:
        self._names = tuple(names)

    def __repr__(self) -> str:
        return " ".join(map(str, self._names))


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
