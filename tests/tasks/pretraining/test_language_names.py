from pathlib import Path

import pytest

from infoxlm.tasks.pretraining.language_names import (
    language_of,
    pair_in,
    pair_in_header,
)


@pytest.mark.parametrize(
    ("file", "language"),
    [
        ("de.txt", "de"), ("x/news.de", "de"), ("news.2019.de.gz", "de"), ("news.de.txt", "de"),
        ("ceb.txt", "ceb"), ("zh-Hant.txt.gz", "zh-Hant"), ("deu_Latn.txt", "deu_Latn"),
        ("a.deu_Latn", "deu_Latn"), ("sw/one.txt", "sw"), ("swh/part-1.txt", "swh"),
        ("sw/de.txt", "de"), ("tatoeba.deu-eng.deu", "deu"), ("en-sw.sw", "sw"),
        ("README.md", None), ("run.py", None), ("a.txt", None), ("raw/all.txt", None),
        ("news.bak", None), ("Tatoeba.de-en.ids", None), ("de", None), ("DE.txt", None),
    ],
)  # fmt: skip
def test_language_of_a_file(file, language):
    assert language_of(Path("corpus") / file) == language


@pytest.mark.parametrize(
    ("stem", "pair"),
    [
        ("en-de", ("en", "de")), ("News-Commentary.de-en", ("de", "en")),
        ("wmt-en-de", ("en", "de")),
        ("x.en-zh-Hant", ("en", "zh-Hant")), ("pt-BR-en", ("pt-BR", "en")),
        ("en-es-419", ("en", "es-419")),
        ("eng-swh", ("eng", "swh")),
        ("my-new", None), ("en-en", None), ("train", None), ("zh-Hant", None), ("half-time", None),
    ],
)  # fmt: skip
def test_pair_at_the_end_of_a_name(stem, pair):
    assert pair_in(stem) == pair


@pytest.mark.parametrize("line", ["en\tde", "en\tde\r\n", "xx\tyyy\n"])
def test_header_names_two_languages(line):
    assert pair_in_header(line) == tuple(line.split())


@pytest.mark.parametrize("line", ["", "en", "en\ten", "en\tde\tfr", "Hello\tHallo", "a\tb"])
def test_other_lines_are_no_header(line):
    assert pair_in_header(line) is None
