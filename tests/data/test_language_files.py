import csv
import json
import logging
from collections.abc import Sequence
from pathlib import Path

import pytest

from infoxlm.data import file_forms
from infoxlm.data.example import Example
from infoxlm.data.language_files import XLMR_LANGUAGES
from infoxlm.data.xnli import LABELS as XNLI_LABELS
from infoxlm.data.xnli import LANGUAGES, xnli_forms
from infoxlm.errors import UserError
from infoxlm.schema.checks import is_language_code

LABELS = XNLI_LABELS.words


def open_files(root: Path, labels: Sequence[str] | None = None):
    return file_forms.open_files(root, xnli_forms(labels))


def open_training_files(root: Path, labels: Sequence[str] | None = None):
    return file_forms.open_training_files(root, xnli_forms(labels))


#: Not the usual order, so that a reader which assumes one is found out.
NAMES = ("neutral", "entailment", "contradiction")

#: Numbers of the labels; -1: none.
NUMBERS = (0, -1, 2, 1)


def rows(split: str, language: str) -> list[dict[str, object]]:
    return [
        {"premise": f'{language} {split} {row} "so"', "hypothesis": f"B, {row}", "label": number}
        for row, number in enumerate(NUMBERS)
    ]


def expected(split: str, language: str) -> list[Example]:
    return [
        Example(f'{language} {split} {row} "so"', f"B, {row}", LABELS.index(NAMES[number]), row)
        for row, number in enumerate(NUMBERS)
        if number != -1
    ]


def dataset(split: str, language: str):
    datasets = pytest.importorskip("datasets")
    text, label = datasets.Value("string"), datasets.ClassLabel(names=list(NAMES))
    features = datasets.Features({"premise": text, "hypothesis": text, "label": label})
    return datasets.Dataset.from_list(rows(split, language), features=features)


def export(path: Path, split: str, language: str) -> Path:
    """Write a file as `datasets` does, by its ending."""
    path.parent.mkdir(parents=True, exist_ok=True)
    exported = dataset(split, language)
    if path.suffix.lower() == ".csv":
        exported.to_csv(path)
    elif path.suffix.lower() in (".json", ".jsonl"):
        exported.to_json(path, force_ascii=False)
    else:
        exported.to_parquet(path)
    return path


def check(source, languages: Sequence[str], splits: Sequence[str] = ("train", "dev", "test")):
    hub = {"dev": "validation"}
    for split in splits:
        assert source.languages(split) == tuple(languages)
        for language in languages:
            assert list(source.read(split, language)) == expected(hub.get(split, split), language)
        assert len({source.fingerprint(split, language) for language in languages}) == len(
            languages
        )


@pytest.mark.parametrize("ending", ["jsonl", "json", "csv", "parquet"])
@pytest.mark.parametrize("form", ["{split}/{language}", "{language}/{split}"])
def test_what_datasets_exports(tmp_path: Path, form: str, ending: str) -> None:
    for split in ("train", "validation", "test"):
        for language in ("de", "en"):
            export(tmp_path / f"{form.format(**locals())}.{ending}", split, language)
    check(open_files(tmp_path, NAMES), ("de", "en"))
    if ending != "parquet":  # which says it itself
        with pytest.raises(UserError, match=r"label '0' is refused.*data\.labels=\[entail"):
            list(open_files(tmp_path).read("dev", "de"))
        others = open_files(tmp_path, LABELS)
        assert [example.label for example in others.read("dev", "de")] == [0, 2, 1]
        named, unnamed = open_files(tmp_path, NAMES), open_files(tmp_path)
        prints = {each.fingerprint("dev", "de") for each in (named, others, unnamed)}
        assert len(prints) == 3


def hub_copy(root: Path, languages: Sequence[str], shards: int = 1) -> None:
    """A small copy of facebook/xnli: a folder for each language, and all_languages."""
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({
        "premise": datasets.Translation(languages=list(LANGUAGES)),
        "hypothesis": datasets.TranslationVariableLanguages(languages=list(LANGUAGES)),
        "label": datasets.ClassLabel(names=list(NAMES)),
    })  # fmt: skip
    for split in ("train", "validation", "test"):
        for language in languages:
            export(root / language / f"{split}-00000-of-00001.parquet", split, language)
        translations = {language: rows(split, language) for language in LANGUAGES}
        columns = {
            name: [{code: translations[code][row][name] for code in LANGUAGES} for row in range(4)]
            for name in ("premise", "hypothesis")
        }
        everything = datasets.Dataset.from_dict(columns | {"label": NUMBERS}, features=features)
        folder = root / "all_languages"
        folder.mkdir(parents=True, exist_ok=True)
        for part in range(shards):
            everything.shard(shards, part, contiguous=True).to_parquet(
                folder / f"{split}-{part:05}-of-{shards:05}.parquet"
            )
    (root / "README.md").write_text("# Dataset Card")


@pytest.mark.parametrize("below", [".", "snapshots/0123abcd"])
@pytest.mark.parametrize("languages", [(), ("en", "sw")], ids=["all_languages", "own folders"])
def test_copy_of_the_hub(tmp_path: Path, below: str, languages: Sequence[str]) -> None:
    hub_copy(tmp_path / below, languages, shards=2)
    source = open_files(tmp_path)
    check(source, LANGUAGES)
    assert len(source.files("train", "de")) == 2
    assert len(source.files("train", "en")) == (1 if languages else 2)


def test_parts_of_a_copy_of_the_hub(tmp_path: Path) -> None:
    hub_copy(tmp_path, ("en", "sw"))
    check(open_files(tmp_path / "sw"), ("sw",))
    check(open_training_files(tmp_path), LANGUAGES, ("train",))
    check(open_training_files(tmp_path / "sw"), ("sw",), ("train",))
    for folder, languages in (("sw", ("sw",)), ("all_languages", LANGUAGES)):
        file = tmp_path / folder / "train-00000-of-00001.parquet"
        check(open_training_files(file), languages, ("train",))


def test_missing_shard(tmp_path: Path) -> None:
    hub_copy(tmp_path, (), shards=2)
    (tmp_path / "all_languages" / "validation-00001-of-00002.parquet").unlink()
    with pytest.raises(UserError, match=r"all_languages holds 1 of the 2 files of validation\. "):
        open_files(tmp_path)


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("train.de.csv", "de"), ("mnli_de.jsonl", "de"), ("de/train.jsonl", "de"),
        ("de/mnli.jsonl", "en"), ("mnli.parquet", "en"), ("MNLI.JSONL", "en"),
    ],
)  # fmt: skip
def test_one_training_file(tmp_path: Path, name: str, language: str) -> None:
    path = export(tmp_path / name, "train", language)
    check(open_training_files(path, NAMES), (language,), ("train",))


def test_the_first_of_two_endings_is_read_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    export(tmp_path / "dev" / "en.jsonl", "other", "en")
    export(tmp_path / "dev" / "en.csv", "validation", "en")
    check(open_files(tmp_path, NAMES), ("en",), ("dev",))
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path / 'dev'}: en.csv is read, not en.jsonl"
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_of_a_spreadsheet(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "mnli.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream, delimiter=delimiter)
        writer.writerows([("Premise", "Hypothesis", "Label"), ('A "b"', "two\n\nlines; ,\t", "-"),
                          ("C", "two\n\nlines; ,\t", "neutral")])  # fmt: skip
    source = open_training_files(path)
    assert list(source.read("train", "en")) == [Example("C", "two\n\nlines; ,\t", 1, 1)]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('premise,hypothesis,label\n"a"b,c,neutral\n', "line 2: ',' expected"),
        ('premise,hypothesis,label\n"two\nlines",b,neutral\n"a,b,neutral\n', "line 4: unexpected"),
        ("premise,hypothesis,label\na,b,c,neutral\n", "line 2: 4 separated columns instead of 3"),
        ("premise,hypothesis,label\n\na,b,neutral\n", "line 2 is blank"),
        ("premise|hypothesis|label\na|b|neutral\n", "line 1: .* does not name the columns"),
        ("", "is empty"),
    ],
)
def test_broken_csv(tmp_path: Path, content: str, problem: str) -> None:
    path = tmp_path / "mnli.csv"
    path.write_text(content)
    with pytest.raises(UserError, match=rf"mnli\.csv.*{problem}") as error:
        list(open_training_files(path).read("train", "en"))
    assert "\n" not in str(error.value)


def test_json_lines_of_other_projects(tmp_path: Path) -> None:
    """Keys and labels as MultiNLI's, SNLI's and ANLI's own files have them."""
    pairs = [
        {"annotator_labels": ["neutral"], "gold_label": "neutral", "sentence1": "A",
         "sentence2": "B", "sentence1_parse": "(A)", "pairID": "1n"},
        {"gold_label": "-", "sentence1": "A", "sentence2": "B"},
        {"uid": "u1", "context": "C", "hypothesis": "D", "label": "c", "model_label": "e",
         "reason": "", "genre": "wikipedia"},
    ]  # fmt: skip
    path = tmp_path / "train.jsonl"
    path.write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    assert list(open_training_files(path).read("train", "en")) == [
        Example("A", "B", 1, 0), Example("C", "D", 2, 2),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("xnli.dev.ko.tsv", "ko"), ("dev/ko.jsonl", "ko"), ("dev-ro.tsv", "ro"),
        ("ja/validation.csv", "ja"), ("dev/zh-Hant.tsv", "zh-Hant"), ("dev-pt-BR.tsv", "pt-BR"),
        ("dev/zho_Hans.csv", "zho_Hans"), ("x-final/swh/dev_2k.tsv", "swh"),
    ],
)  # fmt: skip
def test_any_language(tmp_path: Path, name: str, language: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True, parents=True)
    separator = "," if name.endswith(".csv") else "\t"
    if name.endswith(".jsonl"):
        path.write_text('{"premise": "A", "hypothesis": "B", "label": "neutral"}\n')
    else:
        rows = (("premise", "hypothesis", "label"), ("A", "B", "neutral"))
        path.write_text("".join(f"{separator.join(row)}\n" for row in rows))
    source = open_files(tmp_path)
    assert source.languages("dev") == (language,)
    assert list(source.read("dev", language)) == [Example("A", "B", 1, 0)]


@pytest.mark.parametrize("name", ["dev/notes.tsv", "dev/all.tsv", "dev/dev.tsv", "dev/DE.tsv"])
def test_names_that_are_no_languages(tmp_path: Path, name: str) -> None:
    (tmp_path / "dev").mkdir()
    for file in (name, "dev/de.tsv"):
        (tmp_path / file).write_text("premise\thypothesis\tlabel\nA\tB\tneutral\n")
    assert open_files(tmp_path).languages("dev") == ("de",)


@pytest.mark.parametrize(
    ("name", "languages", "language"),
    [
        ("pairs.tsv", ["ko"], "ko"), ("pairs.tsv", ["ko", "ja"], "en"),
        ("pairs.ko.tsv", ["ja"], "ko"), ("pairs_all.tsv", ["de"], "de"),
        ("train.gn.tsv", ["en"], "en"), ("train.gn.tsv", ["gn"], "gn"),
        ("de/dev_2k.tsv", ["en"], "de"), ("raw/train.tsv", ["en"], "en"),
        ("multinli.train.zh-Hant.tsv", ["en"], "zh-Hant"),
    ],
)  # fmt: skip
def test_language_of_a_training_file(
    tmp_path: Path, name: str, languages: Sequence[str], language: str
) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("premise\thypothesis\tlabel\nA\tB\tneutral\n")
    source = file_forms.open_training_files(path, xnli_forms(None, languages))
    assert source.languages("train") == (language,)


def test_languages_of_xlmr_are_codes_each_once() -> None:
    assert set(XLMR_LANGUAGES) > set(LANGUAGES)
    assert len(set(XLMR_LANGUAGES)) == len(XLMR_LANGUAGES)
    assert all(map(is_language_code, XLMR_LANGUAGES))


def test_quotes_of_a_csv_writer_are_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for split in ("dev", "test"):
        for language in ("de", "en"):
            path = tmp_path / split / f"{language}.tsv"
            path.parent.mkdir(exist_ok=True)
            row = f'"He said ""{language}""."\tB\tneutral\n"two\nlines"\tC\tneutral\n'
            path.write_text("premise\thypothesis\tlabel\n" + row)
    source = open_files(tmp_path)
    with caplog.at_level(logging.INFO):
        for split in ("dev", "test"):
            for language in ("de", "en"):
                source.fingerprint(split, language)
                assert list(source.read(split, language)) == [
                    Example(f'He said "{language}".', "B", 1, 0), Example("two\nlines", "C", 1, 1),
                ]  # fmt: skip
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path / 'dev' / 'de.tsv'}: a csv writer put fields in quotes; they are read without, "
        "here and in other such files"
    ]
