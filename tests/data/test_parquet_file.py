from pathlib import Path

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from infoxlm.data.example import Example
from infoxlm.data.parquet_file import ParquetPairs, label_names, parquet_languages
from infoxlm.data.xnli import xnli_forms
from infoxlm.errors import UserError

RULES = xnli_forms().rules

#: Not the usual order, so that a reader which assumes one is found out.
NAMES = ["contradiction", "entailment", "neutral"]

TEXTS = {"premise": ['She said "no".', "Ä\tÖ\nÜ", "C"], "hypothesis": ["B", "D", "E"]}


def written(path: Path, columns: dict[str, list[object]]) -> Path:
    """A file without metadata of `datasets`, as pandas writes one."""
    parquet.write_table(pyarrow.table(columns), path)
    return path


def exported(path: Path, names: list[str]) -> Path:
    """Export with `datasets`, which puts the labels' names into the schema."""
    datasets = pytest.importorskip("datasets")
    text, label = datasets.Value("string"), datasets.ClassLabel(names=names)
    features = datasets.Features({"premise": text, "hypothesis": text, "label": label})
    datasets.Dataset.from_dict(TEXTS | {"label": [1, -1, 0]}, features=features).to_parquet(path)
    return path


def test_labels_are_named_by_the_schema(tmp_path: Path) -> None:
    pairs = ParquetPairs((exported(tmp_path / "en.parquet", NAMES),), "en")
    expected = [Example('She said "no".', "B", 0, 0), Example("C", "E", 2, 2)]
    assert list(pairs.examples(RULES)) == expected
    assert list(pairs.examples(RULES, limit=2)) == expected[:1]
    # The file's own word counts more than what is said of numbers in general.
    assert (
        list(pairs.examples(xnli_forms(["entailment", "neutral", "contradiction"]).rules))
        == expected
    )


def test_labels_that_the_schema_does_not_name(tmp_path: Path) -> None:
    path = exported(tmp_path / "en.parquet", ["LABEL_0", "LABEL_1", "LABEL_2"])
    pairs = ParquetPairs((path,), "en")
    assert [example.label for example in pairs.examples(xnli_forms(NAMES).rules)] == [0, 2]
    with pytest.raises(UserError, match=r"en\.parquet, row 0: label '1' is refused.*data\.labels="):
        list(pairs.examples(RULES))


def test_columns_go_by_name_and_words_are_labels(tmp_path: Path) -> None:
    columns = {"id": [7], "gold_label": ["neutral"], "Sentence2": ["B"], "sentence1": ["A"]}
    path = written(tmp_path / "a.parquet", columns)
    assert list(ParquetPairs((path,), "en").examples(RULES)) == [Example("A", "B", 1, 0)]


def test_shards_are_read_one_after_the_other(tmp_path: Path) -> None:
    paths = [
        written(tmp_path / f"{part}.parquet", {
            "premise": [f"{part} {row}" for row in range(count)],
            "hypothesis": ["B"] * count, "label": ["neutral"] * count,
        })
        for part, count in enumerate((1500, 2))
    ]  # fmt: skip
    examples = list(ParquetPairs(tuple(paths), "en").examples(RULES))
    assert [example.row for example in examples] == list(range(1502))
    assert examples[-1].premise == "1 1"
    one, both = ParquetPairs((paths[0],), "en"), ParquetPairs(tuple(paths), "en")
    german = ParquetPairs((paths[0],), "de")
    assert len({each.fingerprint() for each in (one, both, german)}) == 3


def test_one_language_out_of_all_translations(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    languages = ["ar", "de", "en"]
    features = datasets.Features({
        "premise": datasets.Translation(languages=languages),
        "hypothesis": datasets.TranslationVariableLanguages(languages=languages),
        "label": datasets.ClassLabel(names=NAMES),
    })  # fmt: skip
    columns = {
        name: [{code: f"{code} {name} {row}" for code in languages} for row in range(3)]
        for name in ("premise", "hypothesis")
    }
    path = tmp_path / "all.parquet"
    datasets.Dataset.from_dict(columns | {"label": [2, 0, 1]}, features=features).to_parquet(path)
    assert parquet_languages(path) == ("ar", "de", "en")
    assert list(ParquetPairs((path,), "de").examples(RULES)) == [
        Example(f"de premise {row}", f"de hypothesis {row}", label, row)
        for row, label in enumerate((1, 2, 0))
    ]
    with pytest.raises(UserError, match=r"all\.parquet, row 0: premise in fr is"):
        list(ParquetPairs((path,), "fr").examples(RULES))
    assert parquet_languages(exported(tmp_path / "en.parquet", NAMES)) == ()


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ({"premise": ["A"], "hypothesis": ["B"]}, "none of its columns .* is label"),
        ({"text": ["A"], "label": [0]}, "none of its columns 'text, label' is premise"),
        ({"premise": ["A", None], "hypothesis": ["B", "C"], "label": ["-", "-"]},
         "row 1: premise in en is 'None'"),
        ({"premise": ["A"], "hypothesis": ["B"], "label": [0.5]}, "row 0: label in en is '0.5'"),
        ({"premise": ["A"], "hypothesis": ["B"], "label": [True]}, "row 0: label in en is 'True'"),
        ({"premise": ["A"], "hypothesis": ["B"], "label": ["x"]}, "row 0: label 'x' is refused"),
        ({name: [] for name in ("premise", "hypothesis", "label")}, "holds no pair"),
    ],
)  # fmt: skip
def test_what_is_no_pair_is_named(
    tmp_path: Path, columns: dict[str, list[object]], problem: str
) -> None:
    path = written(tmp_path / "a.parquet", columns)
    with pytest.raises(UserError, match=rf"a\.parquet.*{problem}") as error:
        list(ParquetPairs((path,), "en").examples(RULES))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "flipped"])
def test_damaged_file(tmp_path: Path, damage: str) -> None:
    texts = [text.hex() for text in np.random.default_rng(1).bytes(9000).split(b"\0")]
    path = written(tmp_path / "a.parquet", dict.fromkeys(("premise", "hypothesis", "label"), texts))
    whole = path.read_bytes()
    path.write_bytes({
        "empty": b"", "text": b"premise\thypothesis\tlabel\n", "cut": whole[:-100],
        "flipped": bytes(byte ^ 0xFF for byte in whole[:3000]) + whole[3000:],
    }[damage])  # fmt: skip
    with pytest.raises(UserError, match=r"a\.parquet cannot be read as Parquet") as error:
        list(ParquetPairs((path,), "en").examples(RULES))
    assert "\n" not in str(error.value)


def test_metadata_of_other_writers() -> None:
    for content in (b"", b"{}", b"[]", b'{"info": null}', b'{"info": {"features": {}}}'):
        schema = pyarrow.schema([("label", pyarrow.int64())], {b"huggingface": content})
        assert label_names(schema, RULES.labels) == ()
