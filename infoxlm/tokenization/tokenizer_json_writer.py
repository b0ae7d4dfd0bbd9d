"""``tokenizer.json`` written, for transformers without sentencepiece and from version 5 on."""

import base64
import json
from collections.abc import Sequence
from typing import Any

from infoxlm.tokenization.added_tokens import AddedToken
from infoxlm.tokenization.tokenizer_json import (
    FIRST_PIECES,
    LAST_PIECE,
    MERGE_SPACES,
    PAIR,
    SINGLE,
    SPLIT_SPACES,
    SPLIT_WORDS,
    TRIM,
    TokenizerJson,
)


def tokenizer_json(tokenizer: TokenizerJson) -> bytes:
    """The contents of the file.

    Words are split at white space, as in XLM-R's own file and as transformers 5 does whatever the
    file says; only a tokenizer that keeps spaces is written as transformers 4 wrote it.

    Args:
        tokenizer: What it has to say; its added tokens are in the order of their ids.
    """
    vocabulary = [
        *((piece, 0.0) for piece in FIRST_PIECES),
        *tokenizer.unigram.pieces,
        (LAST_PIECE, 0.0),
    ]
    normalizer: dict[str, Any] = {
        "type": "Precompiled",
        "precompiled_charsmap": base64.b64encode(tokenizer.unigram.charsmap).decode(),
    }
    pre_tokenizer: dict[str, Any] = {
        "type": "Sequence",
        "pretokenizers": [SPLIT_WORDS, SPLIT_SPACES],
    }
    if tokenizer.keeps_spaces:
        normalizer = {"type": "Sequence", "normalizers": [normalizer, TRIM, MERGE_SPACES]}
        pre_tokenizer = SPLIT_SPACES
    content = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": t.id, **t.entry()} for t in tokenizer.added_tokens],
        "normalizer": normalizer,
        "pre_tokenizer": pre_tokenizer,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": template(SINGLE),
            "pair": template(PAIR),
            "special_tokens": {
                token: {"id": token, "ids": [FIRST_PIECES.index(token)], "tokens": [token]}
                for token in ("<s>", "</s>")
            },
        },
        "decoder": SPLIT_SPACES,
        "model": {"type": "Unigram", "unk_id": 3, "vocab": vocabulary, "byte_fallback": False},
    }
    return json.dumps(content, ensure_ascii=False).encode()


def own_special_tokens(mask_id: int) -> tuple[AddedToken, ...]:
    """XLM-R's own special tokens, which fast tokenizers list among the added ones."""
    first = (
        AddedToken(token_id, token, normalized=False, special=True)
        for token_id, token in enumerate(FIRST_PIECES)
    )
    mask = AddedToken(mask_id, LAST_PIECE, lstrip=True, normalized=False, special=True)
    return (*first, mask)


def template(pieces: Sequence[str]) -> list[dict[str, Any]]:
    """A row of special tokens and texts; all have token type 0, the only one XLM-R has."""
    return [
        {"SpecialToken" if piece in FIRST_PIECES else "Sequence": {"id": piece, "type_id": 0}}
        for piece in pieces
    ]
