from pathlib import Path

import pytest

from infoxlm.data.records import is_quoted, table_records
from infoxlm.data.text_file import TextFile


@pytest.mark.parametrize("folder", ["mnli", "xnli/dev", "xnli/test", "translate_train"])
def test_published_quotes_stay(shared: Path, folder: str) -> None:
    """No field of MultiNLI or XNLI is another than what stands between the tabs."""
    files = sorted((shared / "data" / folder).glob("*.tsv"))
    assert files
    for path in files:
        lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
        fields = [record[1:4] for record in table_records(TextFile(path))]
        assert fields == [tuple(line.split("\t")) for line in lines[1:]]


def test_published_quotes_of_a_csv_writer_are_taken_off(shared: Path) -> None:
    """PAWS-X's translations were written so."""
    path = shared / "data" / "pawsx" / "dev" / "fr.tsv"
    assert is_quoted(TextFile(path))
    texts = [text for record in table_records(TextFile(path)) for text in record[1:3]]
    assert sum('"' in text for text in texts) == 388
    assert not [text for text in texts if text.startswith('"') and text.endswith('""')]


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_the_same_with_and_without_quotes(shared: Path, split: str) -> None:
    files = sorted((shared / "cases" / "plain_quotes" / split).glob("*.tsv"))
    assert files
    for plain in files:
        quoted = TextFile(shared / "cases" / "pandas_quotes" / split / plain.name)
        assert is_quoted(quoted) and not is_quoted(TextFile(plain))
        assert list(table_records(quoted)) == list(table_records(TextFile(plain)))
