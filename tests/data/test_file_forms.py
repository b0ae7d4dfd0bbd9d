import csv
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from infoxlm.data import file_forms
from infoxlm.data.example import Example
from infoxlm.data.xnli import LANGUAGES, xnli_forms
from infoxlm.errors import UserError


def open_files(root: Path, labels: Sequence[str] | None = None):
    return file_forms.open_files(root, xnli_forms(labels))


def open_training_files(root: Path, labels: Sequence[str] | None = None):
    return file_forms.open_training_files(root, xnli_forms(labels))


#: XNLI's own columns, in its order.
OFFICIAL_HEADER = (
    "language\tgold_label\tsentence1_binary_parse\tsentence2_binary_parse\tsentence1_parse\t"
    "sentence2_parse\tsentence1\tsentence2\tpromptID\tpairID\tgenre\tlabel1\tlabel2\tlabel3\t"
    "label4\tlabel5\tsentence1_tokenized\tsentence2_tokenized\tmatch"
)

LABEL_WORDS = ("neutral", "-", "entailment", "contradiction")


def premise(split: str, language: str, row: int) -> str:
    return f'{language} {split} premise {row} says "so'


def expected(split: str, language: str) -> list[Example]:
    """The examples that every form below must give; row 1 has no gold label."""
    return [
        Example(premise(split, language, row), f"hypothesis {row}", label, row)
        for row, label in ((0, 1), (2, 0), (3, 2))
    ]


def pairs(split: str, language: str) -> list[tuple[str, str, str]]:
    return [
        (premise(split, language, row), f"hypothesis {row}", label)
        for row, label in enumerate(LABEL_WORDS)
    ]


def write(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def write_table(
    path: Path, split: str, language: str, header: str = "premise\thypothesis\tlabel"
) -> None:
    write(path, [header, *("\t".join(pair) for pair in pairs(split, language))])


def official_rows(split: str) -> list[dict[str, str]]:
    """Dev one language after the other as in XNLI; test interleaved, which must not matter."""
    rows = [
        (row, {"language": language, "gold_label": label, "sentence1": first, "sentence2": second})
        for language in LANGUAGES
        for row, (first, second, label) in enumerate(pairs(split, language))
    ]
    if split == "test":
        rows.sort(key=lambda numbered: numbered[0])
    return [pair for _, pair in rows]


def write_official_evaluation(folder: Path, suffix: str = "tsv") -> None:
    for split in ("dev", "test"):
        rows = official_rows(split)
        if suffix == "jsonl":
            lines = [json.dumps(row) for row in rows]
        else:
            names = OFFICIAL_HEADER.split("\t")
            lines = [
                OFFICIAL_HEADER,
                *("\t".join(row.get(name, "x") for name in names) for row in rows),
            ]
        write(folder / f"xnli.{split}.{suffix}", lines)


def write_official_training(folder: Path) -> None:
    for language in LANGUAGES:
        path = folder / "multinli" / f"multinli.train.{language}.tsv"
        write_table(path, "train", language, header="premise\thypo\tlabel")
        path.write_bytes(path.read_bytes().replace(b"contradiction", b"contradictory"))


def zip_folder(folder: Path, archive: Path) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as stream:
        for path in sorted(folder.rglob("*.*")):
            stream.write(path, Path(folder.name) / path.relative_to(folder))
            stream.writestr(f"__MACOSX/{folder.name}/._{path.name}", b"\x00\x05")


def check(source, splits: tuple[str, ...]) -> None:
    for split in ("train", "dev", "test"):
        assert source.languages(split) == (LANGUAGES if split in splits else ())
    for split in splits:
        for language in ("ar", "en", "zh"):
            assert list(source.read(split, language)) == expected(split, language)
            assert list(source.read(split, language, limit=2)) == expected(split, language)[:1]
        assert len({source.fingerprint(split, language) for language in LANGUAGES}) == 15


EVALUATION, TRAINING, ALL = ("dev", "test"), ("train",), ("train", "dev", "test")


class TestOfficial:
    def test_folders_in_a_folder(self, tmp_path: Path) -> None:
        write_official_evaluation(tmp_path / "XNLI-1.0")
        write_official_training(tmp_path / "XNLI-MT-1.0")
        check(open_files(tmp_path), ALL)

    def test_each_folder_itself(self, tmp_path: Path) -> None:
        write_official_evaluation(tmp_path / "XNLI-1.0")
        write_official_training(tmp_path / "XNLI-MT-1.0")
        check(open_files(tmp_path / "XNLI-1.0"), EVALUATION)
        check(open_files(tmp_path / "XNLI-MT-1.0"), TRAINING)
        check(open_files(tmp_path / "XNLI-MT-1.0" / "multinli"), TRAINING)

    def test_each_zip_unpacked_into_its_own_folder(self, tmp_path: Path) -> None:
        write_official_evaluation(tmp_path / "XNLI-1.0" / "XNLI-1.0")
        write_official_training(tmp_path / "XNLI-MT-1.0" / "XNLI-MT-1.0")
        check(open_files(tmp_path), ALL)
        check(open_files(tmp_path / "XNLI-MT-1.0"), TRAINING)

    def test_zips(self, tmp_path: Path) -> None:
        write_official_evaluation(tmp_path / "unpacked" / "XNLI-1.0")
        write_official_training(tmp_path / "unpacked" / "XNLI-MT-1.0")
        for name in ("XNLI-1.0", "XNLI-MT-1.0"):
            zip_folder(tmp_path / "unpacked" / name, tmp_path / f"{name}.zip")
        check(open_files(tmp_path), ALL)
        check(open_files(tmp_path / "XNLI-1.0.zip"), EVALUATION)
        check(open_files(tmp_path / "XNLI-MT-1.0.zip"), TRAINING)
        zipped, unpacked = open_files(tmp_path), open_files(tmp_path / "unpacked")
        assert zipped.fingerprint("dev", "sw") == unpacked.fingerprint("dev", "sw")
        assert zipped.files("dev", "sw") == (tmp_path / "XNLI-1.0.zip",)

    def test_json_lines_where_there_is_no_table(self, tmp_path: Path) -> None:
        write_official_evaluation(tmp_path / "XNLI-1.0", suffix="jsonl")
        check(open_files(tmp_path), EVALUATION)

    def test_only_languages_inside_the_file_are_offered(self, tmp_path: Path) -> None:
        write(
            tmp_path / "xnli.dev.tsv",
            [
                "language\tgold_label\tsentence1\tsentence2",
                "de\tneutral\tA\tB",
                "German\tneutral\tA\tB",
            ],
        )
        source = open_files(tmp_path)
        assert source.languages("dev") == ("de",)
        with pytest.raises(UserError, match="no dev data in 'en', only de"):
            source.read("dev", "en")

    def test_damaged_zip(self, tmp_path: Path) -> None:
        (tmp_path / "XNLI-1.0.zip").write_bytes(b"PK\x03\x04 and no more")
        with pytest.raises(UserError, match=r"XNLI-1\.0\.zip cannot be opened as a zip"):
            open_files(tmp_path)


def write_xtreme(folder: Path, *, test_labels: bool = False) -> None:
    """Write files as XTREME's utils_preprocess.py does, by a csv writer that quotes."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [("train", "en")]
    names += [(split, language) for split in ("dev", "test") for language in LANGUAGES]
    for split, language in names:
        path = folder / f"{split}-{language}.tsv"
        with path.open("w", encoding="utf-8", newline="") as stream:
            rows = pairs(split, language)
            keep = 3 if split != "test" or test_labels else 2
            csv.writer(stream, delimiter="\t").writerows(row[:keep] for row in rows)


class TestXtreme:
    def test_train_and_dev(self, tmp_path: Path) -> None:
        write_xtreme(tmp_path)
        source = open_files(tmp_path)
        assert source.languages("train") == ("en",)
        assert source.languages("dev") == LANGUAGES
        assert list(source.read("train", "en")) == expected("train", "en")
        assert list(source.read("dev", "sw")) == expected("dev", "sw")

    def test_test_set_without_labels_is_not_offered(self, tmp_path: Path) -> None:
        write_xtreme(tmp_path)
        source = open_files(tmp_path)
        assert source.languages("test") == ()
        with pytest.raises(UserError, match="XTREME leaves the labels out of its test files"):
            source.read("test", "en")

    def test_test_set_to_which_labels_were_added(self, tmp_path: Path) -> None:
        write_xtreme(tmp_path, test_labels=True)
        assert list(open_files(tmp_path).read("test", "ur")) == expected("test", "ur")

    @pytest.mark.parametrize("folder", [".", "translate-train"])
    def test_translated_training_data(self, tmp_path: Path, folder: str) -> None:
        write_xtreme(tmp_path)
        for language in ("de", "zh"):
            rows = ["\t".join(("E", "E", *pair)) for pair in pairs("train", language)]
            write(tmp_path / folder / f"en-{language}-translated.tsv", rows)
        source = open_files(tmp_path)
        assert source.languages("train") == ("de", "en", "zh")
        for language in ("de", "en", "zh"):
            assert list(source.read("train", language)) == expected("train", language)
        assert open_training_files(tmp_path / folder).languages("train")[-1] == "zh"


class TestLanguageFolders:
    def test_three_splits(self, tmp_path: Path) -> None:
        for split in ALL:
            for language in LANGUAGES:
                write_table(tmp_path / split / f"{language}.tsv", split, language)
        check(open_files(tmp_path), ALL)

    def test_train_may_be_missing_and_strangers_are_passed_over(self, tmp_path: Path) -> None:
        for split in EVALUATION:
            for language in LANGUAGES:
                write_table(tmp_path / split / f"{language}.tsv", split, language)
        write(tmp_path / "dev" / "notes.tsv", ["no table"])
        write(tmp_path / "README.md", ["# Data"])
        check(open_files(tmp_path), EVALUATION)


class TestTrainingFiles:
    @pytest.mark.parametrize(
        ("name", "language"),
        [
            ("train.en.tsv", "en"),
            ("train.de.tsv", "de"),
            ("zh.tsv", "zh"),
            ("mnli.tsv", "en"),
            ("maiden.tsv", "en"),
            ("multinli.train.sw.tsv", "sw"),
        ],
    )
    def test_one_file(self, tmp_path: Path, name: str, language: str) -> None:
        write_table(tmp_path / name, "train", language)
        source = open_training_files(tmp_path / name)
        assert source.languages("train") == (language,)
        assert source.languages("dev") == ()
        assert list(source.read("train", language)) == expected("train", language)

    def test_one_file_of_xtreme(self, tmp_path: Path) -> None:
        write_xtreme(tmp_path)
        source = open_training_files(tmp_path / "train-en.tsv")
        assert list(source.read("train", "en")) == expected("train", "en")

    def test_one_translated_file_of_xtreme(self, tmp_path: Path) -> None:
        path = tmp_path / "en-de-translated.tsv"
        write(path, ["\t".join(("E", "E", *pair)) for pair in pairs("train", "de")])
        source = open_training_files(path)
        assert source.languages("train") == ("de",)
        assert list(source.read("train", "de")) == expected("train", "de")

    @pytest.mark.parametrize("name", ["{}.tsv", "train.{}.tsv", "train/{}.tsv"])
    def test_a_file_for_each_language(self, tmp_path: Path, name: str) -> None:
        for language in ("en", "fr", "sw"):
            write_table(tmp_path / name.format(language), "train", language)
        source = open_training_files(tmp_path)
        assert source.languages("train") == ("en", "fr", "sw")
        assert list(source.read("train", "sw")) == expected("train", "sw")

    def test_official_zip(self, tmp_path: Path) -> None:
        write_official_training(tmp_path / "XNLI-MT-1.0")
        zip_folder(tmp_path / "XNLI-MT-1.0", tmp_path / "mt.zip")
        check(open_training_files(tmp_path / "mt.zip"), TRAINING)

    def test_only_training_data_is_offered(self, tmp_path: Path) -> None:
        for split in ALL:
            write_table(tmp_path / split / "en.tsv", split, "en")
        assert open_training_files(tmp_path).languages("dev") == ()


@pytest.mark.parametrize("open_it", [open_files, open_training_files])
@pytest.mark.parametrize("kind", ["missing", "empty folder", "other folder", "other file", "zip"])
def test_what_is_no_data_is_refused_with_the_forms(tmp_path: Path, open_it, kind: str) -> None:
    root = tmp_path / "root"
    if kind in ("empty folder", "other folder"):
        root.mkdir()
    if kind == "other folder":
        (root / "notes.tsv").write_text("premise\thypothesis\tlabel\n")
    if kind == "other file":
        root.write_bytes(b"\x89PNG")
    if kind == "zip":
        root = root.with_suffix(".zip")
        with zipfile.ZipFile(root, "w") as archive:
            archive.writestr("readme.txt", "nothing")
    with pytest.raises(UserError) as error:
        open_it(root)
    message = str(error.value)
    key = "data.root" if open_it is open_files else "data.train_root"
    assert message.startswith(f"{key}={root} ")
    assert "XNLI-1.0 and XNLI-MT-1.0" in message
    assert "train-en.tsv" in message
    assert "dev/LANG.tsv" in message
    assert "\n" not in message


def test_evaluation_data_alone_is_no_training_data(tmp_path: Path) -> None:
    write_table(tmp_path / "dev" / "en.tsv", "dev", "en")
    with pytest.raises(UserError, match=r"data\.train_root=.* holds no training data"):
        open_training_files(tmp_path)
