"""Stores of a few sentences."""

import pytest

from infoxlm.tasks.pretraining.corpus_files import find_monolingual, find_parallel
from infoxlm.tasks.pretraining.token_store import open_store
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer


@pytest.fixture(scope="session")
def tokenizer(sentencepiece_file):
    """The tokenizer of a few sentences."""
    return InfoXLMTokenizer(sentencepiece_file, threads=1)


@pytest.fixture
def make_store(tokenizer, tmp_path):
    """Encodes texts, or pairs of them: `make_store("de", texts)`, `make_store("en-de", pairs)`."""

    def make(language, rows, **options):
        find = find_parallel if "-" in language else find_monolingual
        file = tmp_path / f"{language}{'.tsv' if '-' in language else '.txt'}"
        lines = ["\t".join(row) if isinstance(row, tuple) else row for row in rows]
        file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return open_store(
            language, find([file])[language], tmp_path / "cache", tokenizer, **options
        )

    return make
