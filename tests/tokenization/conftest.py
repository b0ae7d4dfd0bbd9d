"""Folders of tokenizers: with added tokens, with tokenizer.json alone, with parts of it changed."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infoxlm.tokenization.added_tokens import AddedToken
from infoxlm.tokenization.token_ids import TokenIds
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer
from infoxlm.tokenization.tokenizer_files import read_model_file


@pytest.fixture(scope="session")
def with_tokens(sentencepiece_file: Path) -> Callable[..., InfoXLMTokenizer]:
    """The tiny tokenizer with tokens added: content to flags."""

    def build(tokens: dict[str, dict[str, bool]], keeps_spaces: bool = False) -> InfoXLMTokenizer:
        files = read_model_file(sentencepiece_file)
        first = InfoXLMTokenizer(files).vocab_size
        added = tuple(
            AddedToken(first + index, content, **flags)
            for index, (content, flags) in enumerate(tokens.items())
        )
        return InfoXLMTokenizer(replace(files, added_tokens=added, keeps_spaces=keeps_spaces))

    return build


@pytest.fixture
def json_folder(sentencepiece_file: Path, tmp_path: Path) -> Callable[..., Path]:
    """Writes a folder with `tokenizer.json` alone, after a change to its contents."""

    def write(change: Callable[[dict[str, Any]], None] = lambda content: None) -> Path:
        InfoXLMTokenizer(sentencepiece_file).save_pretrained(tmp_path, fast=True)
        for path in tmp_path.iterdir():
            if path.name != "tokenizer.json":
                path.unlink()
        content = json.loads((tmp_path / "tokenizer.json").read_text())
        change(content)
        (tmp_path / "tokenizer.json").write_text(json.dumps(content))
        return tmp_path

    return write


def lists(token_ids: TokenIds) -> list[list[int]]:
    return [row.tolist() for row in token_ids]


@pytest.fixture(scope="session")
def theirs() -> Callable[..., Any]:
    """Opens a folder with transformers' tokenizer."""
    transformers = pytest.importorskip("transformers")
    transformers.logging.set_verbosity_error()

    def open_folder(folder: Path, fast: bool = True) -> Any:
        return transformers.AutoTokenizer.from_pretrained(folder, use_fast=fast)

    return open_folder


@pytest.fixture(scope="session")
def ids() -> Callable[[InfoXLMTokenizer, list[str]], list[list[int]]]:
    """Encodes single texts into lists."""
    return lambda tokenizer, texts: lists(tokenizer.encode(texts, max_length=512))
