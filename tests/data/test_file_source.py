from pathlib import Path

import pytest

from infoxlm.data.file_source import FileSource
from infoxlm.data.pair_file import PairFile
from infoxlm.data.text_file import TextFile
from infoxlm.data.xnli import xnli_forms
from infoxlm.errors import UserError


@pytest.fixture
def source(tmp_path: Path) -> FileSource:
    files = {}
    for language in ("zh", "ar", "en"):
        path = tmp_path / f"{language}.tsv"
        path.write_text(f"premise\thypothesis\tlabel\n{language}\tB\tneutral\nC\tD\tneutral\n")
        files[language] = PairFile(TextFile(path), language)
    return FileSource("/data", {"dev": files}, xnli_forms().rules)


def test_languages_are_in_the_order_of_tables(source: FileSource) -> None:
    assert source.languages("dev") == ("ar", "en", "zh")
    assert source.languages("train") == ()


def test_reads_the_language_asked_for(source: FileSource, tmp_path: Path) -> None:
    assert [example.premise for example in source.read("dev", "ar")] == ["ar", "C"]
    assert [example.row for example in source.read("dev", "zh", limit=1)] == [0]
    assert source.files("dev", "ar") == (tmp_path / "ar.tsv",)
    assert len({source.fingerprint("dev", language) for language in ("ar", "en", "zh")}) == 3


@pytest.mark.parametrize("method", ["read", "fingerprint", "files"])
@pytest.mark.parametrize(
    ("split", "language", "message"),
    [
        (
            "dev",
            "sw",
            "/data has no dev data in 'sw', only ar en zh. "
            "Add it or choose from these with data.eval_languages=[...].",
        ),
        (
            "test",
            "en",
            "/data has no test data, only dev. Give a data.root that has test.",
        ),
        (
            "train",
            "en",
            "/data has no train data, only dev. Give data.train_root=FOLDER_OR_FILE.",
        ),
    ],
)
def test_what_is_missing_is_refused_at_once(
    source: FileSource, method: str, split: str, language: str, message: str
) -> None:
    with pytest.raises(UserError) as error:
        getattr(source, method)(split, language)
    assert str(error.value) == message
