"""The tokenizer's files of a model folder: which there are, and what they say together."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infoxlm.errors import UserError
from infoxlm.files.regular_file import read_regular
from infoxlm.schema.json_shapes import brief
from infoxlm.tokenization.added_tokens import AddedToken, parse_added_token
from infoxlm.tokenization.sentencepiece_model import build_model
from infoxlm.tokenization.tokenizer_json import FIRST_PIECES, TOKENIZER_JSON
from infoxlm.tokenization.tokenizer_json_reader import (
    read_added_tokens,
    read_tokenizer_file,
    read_tokenizer_json,
)
from infoxlm.tokenization.tokenizer_settings import (
    SAVE_AGAIN,
    SPECIAL_TOKENS,
    more_special_tokens,
    read_settings,
)

MODEL_FILE = "sentencepiece.bpe.model"
CONFIG_FILE = "tokenizer_config.json"
SPECIAL_TOKENS_FILE = "special_tokens_map.json"
ADDED_TOKENS_FILE = "added_tokens.json"

#: All tokens with their flags, as transformers 4.34 to 4.57 lists them in its configuration.
DECODER = "added_tokens_decoder"

Tokens = dict[str, AddedToken]

TAKE_AGAIN = (
    f"Take {MODEL_FILE} or {TOKENIZER_JSON} again from the folder of an XLM-R or InfoXLM "
    "checkpoint."
)


@dataclass(frozen=True)
class TokenizerFiles:
    """The tokenizer that the files of a folder describe.

    Attributes:
        source: The file that the vocabulary comes from, for messages.
        model: The contents of a ``sentencepiece.bpe.model``.
        added_tokens: The added tokens, in the order of their ids, without XLM-R's own.
        keeps_spaces: See `TokenizerJson.keeps_spaces`.
    """

    source: Path
    model: bytes
    added_tokens: tuple[AddedToken, ...] = ()
    keeps_spaces: bool = False


def read_model_file(path: str | Path) -> TokenizerFiles:
    """A SentencePiece model alone.

    Raises:
        UserError: It cannot be read.
    """
    try:
        return TokenizerFiles(Path(path), read_regular(path))
    except OSError as error:
        raise UserError(
            f"the tokenizer's model {path} cannot be read: {error.strerror}", TAKE_AGAIN
        ) from error


def read_tokenizer_files(folder: Path) -> TokenizerFiles:
    """Read the tokenizer of a folder that we, PaddleNLP, or transformers of any version wrote.

    The vocabulary is that of ``sentencepiece.bpe.model``, or where there is none that of
    ``tokenizer.json``. Added tokens are collected from all files.

    Raises:
        UserError: There is neither, a file is damaged, or they contradict each other or say what
            XLM-R's tokenizer does not do.
    """
    config = read_settings(folder / CONFIG_FILE)
    special = read_settings(folder / SPECIAL_TOKENS_FILE)
    more = more_special_tokens(config, special)
    legacy = DECODER not in config
    tokens = legacy_tokens(folder, more) if legacy else decoder_tokens(config, folder)
    fast = folder / TOKENIZER_JSON
    keeps_spaces = False
    if fast.is_file() and not (folder / MODEL_FILE).exists():
        whole = read_tokenizer_json(fast)
        files = TokenizerFiles(fast, build_model(whole.unigram))
        tokens, keeps_spaces = joined(tokens, whole.added_tokens, fast, legacy), whole.keeps_spaces
    else:
        files = read_model_file(folder / MODEL_FILE)
        if fast.is_file() and (legacy or tokens):
            stated, keeps_spaces = read_added_tokens(fast)
            tokens = joined(tokens, stated, fast, legacy)
    check_listed(tokens, more, folder)
    if tokens and config.get("split_special_tokens"):
        raise UserError(
            f"{folder / CONFIG_FILE}: split_special_tokens is true, but there are added tokens",
            "Set it to false.",
        )
    ordered = tuple(sorted(tokens.values(), key=lambda token: token.id))
    return TokenizerFiles(files.source, files.model, ordered, keeps_spaces and bool(tokens))


def files_of_ids(folder: Path) -> list[Path]:
    """The files of a folder that its token ids depend on."""
    names = [MODEL_FILE, ADDED_TOKENS_FILE]
    if not (folder / MODEL_FILE).exists() or (folder / ADDED_TOKENS_FILE).exists():
        names.append(TOKENIZER_JSON)
    return [folder / name for name in names if (folder / name).is_file()]


def decoder_tokens(config: dict[str, Any], folder: Path) -> Tokens:
    """The tokens that transformers 4.34 to 4.57 lists in its configuration."""
    path = folder / CONFIG_FILE
    decoder = config[DECODER]
    if not isinstance(decoder, dict) or not all(map(re.compile(r"[0-9]{1,9}").fullmatch, decoder)):
        raise UserError(f"{path}: its {DECODER} is damaged: {brief(decoder)}", SAVE_AGAIN)
    return by_content(
        (parse_added_token(entry, int(key), path) for key, entry in decoder.items()), path
    )


def legacy_tokens(folder: Path, special: dict[str, Any]) -> Tokens:
    """The tokens of ``added_tokens.json``, which says nothing of their flags.

    Special ones are looked for in the text as it is, others in the normalised text.
    """
    path = folder / ADDED_TOKENS_FILE
    if not path.exists():
        return {}
    return by_content(
        (
            parse_added_token(
                {"content": name, "special": name in special, "normalized": name not in special},
                token_id,
                path,
            )
            for name, token_id in read_tokenizer_file(path).items()
        ),
        path,
    )


def joined(tokens: Tokens, stated: Iterable[AddedToken], path: Path, legacy: bool) -> Tokens:
    """Tokens of other files and those of ``tokenizer.json``, which has to agree with them.

    Args:
        tokens: The tokens of the other files.
        stated: Those of ``tokenizer.json``.
        path: That file, for messages.
        legacy: Whether the other files say nothing of flags.

    Raises:
        UserError: They do not agree.
    """
    fast = by_content(stated, path)
    for name in tokens.keys() & fast.keys():
        first, second = tokens[name], fast[name]
        if first.id != second.id or (first != second and not legacy):
            raise UserError(
                f"{path} and the files next to it disagree about the added token {name!r}: "
                f"{second}, {first}",
                SAVE_AGAIN,
            )
    return {**tokens, **fast}


def by_content(tokens: Iterable[AddedToken], path: Path) -> Tokens:
    """Tokens by their texts, without XLM-R's own, which every tokenizer has.

    Raises:
        UserError: A text is there twice, or one of XLM-R's own has another id.
    """
    found: Tokens = {}
    for token in tokens:
        if token.content in SPECIAL_TOKENS.values():
            if token.content in FIRST_PIECES and token.id != FIRST_PIECES.index(token.content):
                raise UserError(
                    f"{path} gives {token.content} the id {token.id}, XLM-R's is "
                    f"{FIRST_PIECES.index(token.content)}",
                    "Give an XLM-R or InfoXLM checkpoint with its own tokenizer.",
                )
            continue
        if token.content in found:
            raise UserError(f"{path} lists the added token {token.content!r} twice", SAVE_AGAIN)
        found[token.content] = token
    return found


def check_listed(tokens: Tokens, special: dict[str, Any], folder: Path) -> None:
    """Refuse special tokens without an id, and with flags that no file of ids confirms.

    Raises:
        UserError: There is one.
    """
    for name, entry in special.items():
        token = tokens.get(name)
        if token is None:
            raise UserError(f"{folder}: no file gives the special token {name!r} an id", SAVE_AGAIN)
        flags = entry if isinstance(entry, dict) else {}
        for flag in ("lstrip", "rstrip", "single_word"):
            if flags.get(flag, getattr(token, flag)) != getattr(token, flag):
                raise UserError(
                    f"{folder}: its files disagree about {flag} of the special token {name!r}",
                    SAVE_AGAIN,
                )
