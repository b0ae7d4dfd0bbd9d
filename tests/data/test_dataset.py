"""Data sets by their names: labels, languages, rules of rows, and what is refused."""

import csv
import json
import logging
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from infoxlm.data.dataset import dataset_of
from infoxlm.data.encoding import check_languages_present
from infoxlm.data.example import Example
from infoxlm.data.source import open_source
from infoxlm.data.xnli import LABELS, LANGUAGES
from infoxlm.errors import UserError
from infoxlm.schema import DataConfig

ROWS = [("A", "B", "yes"), ("C", "", "no"), ("E", "F", "-"), ("NS", "H", "Yes")]


def table(path: Path, header: str, *rows: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{row}\n" for row in (header, *rows)), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["xnli", "sample", "translate_train", "my_xnli"])
@pytest.mark.parametrize("labels", [None, ["neutral", "entailment", "contradiction"]])
def test_xnli(name: str, labels: list[str] | None) -> None:
    dataset = dataset_of(DataConfig(name, labels=labels))
    assert (dataset.name, dataset.labels) == (name, ("entailment", "neutral", "contradiction"))
    assert dataset.languages == LANGUAGES
    assert dataset.chance == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (DataConfig("xnli", labels=["no", "yes"]), r"labels=\[no,yes\]\. Name what 0, 1 and 2"),
        (DataConfig("pawsx", labels=["no", "yes"]), r"labels=\[no,yes\]\. Name what 0 and 1 mean"),
        (DataConfig("pairs"), r"^data\.labels is not set\. Name the labels"),
        (DataConfig("xnli", languages=["ko"]), r"languages=\[ko\] with data=xnli\. Choose with"),
        (DataConfig("pawsx", languages=["ko"]), r"languages=\[ko\] with data=pawsx"),
    ],
)
def test_what_does_not_fit_a_data_set(config: DataConfig, told: str) -> None:
    with pytest.raises(UserError, match=told):
        dataset_of(config)


@pytest.mark.parametrize(("name", "form"), [("pawsx", "x-final"), ("pairs", "SPLIT-LANG.tsv")])
def test_files_must_be_given(name: str, form: str) -> None:
    config = DataConfig(name, labels=["a", "b"] if name == "pairs" else None)
    with pytest.raises(UserError, match=rf"^data\.root is not set\. Give data.root=FOLDER.*{form}"):
        dataset_of(config).open(config)


def test_language_that_xnli_is_not_published_in(tmp_path: Path) -> None:
    header = "sentence1\tsentence2\tgold_label"
    table(tmp_path / "multinli.train.ko.tsv", header, 'A "b"\tC\tneutral')
    table(tmp_path / "xnli.dev.ko.tsv", header, "D\tE\tentailment")
    config = DataConfig("xnli", str(tmp_path), train_languages=["ko"], eval_languages=["ko"])
    source = dataset_of(config).open(config)
    assert list(source.read("train", "ko")) == [Example('A "b"', "C", 1, 0)]
    assert list(source.read("dev", "ko")) == [Example("D", "E", 0, 0)]


class TestPawsX:
    HEADER = "id\tsentence1\tsentence2\tlabel"

    def opened(self, root: Path, **changes: object):
        config = DataConfig("pawsx", str(root), **changes)  # type: ignore[arg-type]
        return dataset_of(config).open(config)

    def test_labels_and_languages(self) -> None:
        dataset = dataset_of(DataConfig("pawsx"))
        assert dataset.labels == ("not_paraphrase", "paraphrase")
        assert dataset.languages == ("de", "en", "es", "fr", "ja", "ko", "zh")

    def test_folder_without_training_pairs(self, tmp_path: Path) -> None:
        table(tmp_path / "dev" / "de.tsv", self.HEADER, "1\tA\tB\t0")
        source = self.opened(tmp_path)
        with pytest.raises(UserError) as refused:
            check_languages_present(source, "train", ["de", "en"])
        assert str(refused.value) == (
            f"{tmp_path} (PAWS-X is trained on en/train.tsv of x-final.tar.gz) has no train pairs "
            "in de en or another language. Give data.train_root=FILE_OR_FOLDER."
        )

    @pytest.mark.parametrize("below", [".", "x-final"])
    def test_official_files(self, tmp_path: Path, below: str) -> None:
        root = tmp_path / below
        table(root / "en" / "train.tsv", self.HEADER, '1\tHe "ran"\tB\t0')
        table(root / "de" / "translated_train.tsv", self.HEADER, "1\tC\tD\t1")
        for name in ("dev_2k", "test_2k"):
            # As published: a csv writer quoted the fields of this file that hold quotes.
            table(root / "de" / f"{name}.tsv", self.HEADER, '7\t"""Ja"", er"\tF\t1', "8\tG\tH\t0")
        source = self.opened(tmp_path)
        assert source.languages("train") == ("de", "en")
        assert list(source.read("train", "en")) == [Example('He "ran"', "B", 0, 0)]
        assert list(source.read("train", "de")) == [Example("C", "D", 1, 0)]
        for split in ("dev", "test"):
            assert source.languages(split) == ("de",)
            expected = [Example('"Ja", er', "F", 1, 0), Example("G", "H", 0, 1)]
            assert list(source.read(split, "de")) == expected

    def test_untranslated_rows_are_dropped_counted_and_told(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        rows = ["A\tNS\t0", "B\tC\t1", "\tD\t0", "NS is short\tE\t0", "NS\tNS\t?", "F\tG\t0"]
        path = table(tmp_path / "dev" / "ko.tsv", "sentence1\tsentence2\tlabel", *rows)
        source = self.opened(tmp_path)
        with caplog.at_level(logging.INFO):
            examples = list(source.read("dev", "ko"))
        assert [(example.row, example.label) for example in examples] == [(1, 1), (3, 0), (5, 0)]
        assert [example.row for example in source.read("dev", "ko", limit=4)] == [1, 3]
        assert caplog.messages == [f"{path}: dropped 3 rows without a text (NS or empty)"]

    def test_xtreme_without_labels_of_test(self, tmp_path: Path) -> None:
        for split, columns in (("train", 3), ("dev", 3), ("test", 2)):
            for language in ("en", "ja"):
                with open(tmp_path / f"{split}-{language}.tsv", "w", newline="") as file:
                    csv.writer(file, delimiter="\t").writerow(['He said "no".', "B", "1"][:columns])
        source = self.opened(tmp_path)
        assert source.languages("dev") == ("en", "ja")
        assert list(source.read("dev", "ja")) == [Example('He said "no".', "B", 1, 0)]
        assert source.languages("test") == ()
        assert "x-final.tar.gz has them" in source.name

    def test_some_of_xtreme_s_test_files_have_labels(self, tmp_path: Path) -> None:
        table(tmp_path / "test-de.tsv", "sentence1\tsentence2\tlabel", "A\tB\t1")
        table(tmp_path / "test-en.tsv", "A\tB")
        assert self.opened(tmp_path).languages("test") == ("de",)
        (tmp_path / "test-de.tsv").unlink()
        with pytest.raises(UserError, match=r"leaves the labels out .*\) has none of the known"):
            self.opened(tmp_path)

    def test_copy_of_the_hub(self, tmp_path: Path) -> None:
        datasets = pytest.importorskip("datasets")
        features = datasets.Features({
            "id": datasets.Value("int32"), "sentence1": datasets.Value("string"),
            "sentence2": datasets.Value("string"), "label": datasets.ClassLabel(names=["0", "1"]),
        })  # fmt: skip
        rows = {"id": [1, 2], "sentence1": ["A", "C"], "sentence2": ["B", "D"], "label": [1, 0]}
        (tmp_path / "fr").mkdir()
        for split in ("train", "validation", "test"):
            file = tmp_path / "fr" / f"{split}-00000-of-00001.parquet"
            datasets.Dataset.from_dict(rows, features=features).to_parquet(file)
        source = self.opened(tmp_path)
        expected = [Example("A", "B", 1, 0), Example("C", "D", 0, 1)]
        assert all(list(source.read(x, "fr")) == expected for x in ("train", "dev", "test"))

    def test_what_to_give_for_training_is_said(self, tmp_path: Path) -> None:
        table(tmp_path / "dev" / "en.tsv", "sentence1\tsentence2\tlabel", "A\tB\t1")
        source = self.opened(tmp_path)
        with pytest.raises(
            UserError, match=r"en/train\.tsv of x-final\.tar\.gz.*data\.train_root="
        ):
            source.read("train", "en")
        source = self.opened(tmp_path, train_root=str(tmp_path / "dev" / "en.tsv"))
        assert list(source.read("train", "en")) == list(source.read("dev", "en"))

    def test_published_files(self, shared: Path) -> None:
        source = self.opened(shared / "data" / "pawsx")
        found = {}
        for language in source.languages("dev"):
            for split in ("dev", "test"):
                examples = list(source.read(split, language))
                found[split, language] = (len(examples), sum(each.label for each in examples))
                assert not any("NS" in each[:2] or "" in each[:2] for each in examples)
        assert found["dev", "en"] == (2000, 863)
        assert found["dev", "de"] == (1932, 831)
        assert found["test", "ja"] == (1943, 881)
        german = [each.premise for each in source.read("dev", "de")]
        assert sum('""' in premise for premise in german) == 0


class TestPairsOfOnesOwn:
    def config(self, root: Path, labels: list[str], **changes: object) -> DataConfig:
        return DataConfig("pairs", str(root), labels=labels, **changes)  # type: ignore[arg-type]

    @staticmethod
    def write(path: Path, names: tuple[str, str], rows: list[tuple[str, str, object]]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        records = [dict(zip((*names, "label"), row, strict=True)) for row in rows]
        if path.suffix == ".jsonl":
            path.write_text("".join(f"{json.dumps(record)}\n" for record in records))
        elif path.suffix == ".parquet":
            parquet.write_table(pyarrow.Table.from_pylist(records), path)
        else:
            with open(path, "w", newline="") as file:
                writer = csv.writer(file, delimiter="\t" if path.suffix == ".tsv" else ",")
                writer.writerows([(*names, "label"), *rows])

    @pytest.mark.parametrize("ending", [".tsv", ".csv", ".jsonl", ".parquet"])
    @pytest.mark.parametrize("form", ["{}/ko", "{}-ko", "ko/{}"])
    @pytest.mark.parametrize(
        "names", [("premise", "hypothesis"), ("sentence1", "sentence2"), ("text1", "text2")]
    )
    def test_forms(self, tmp_path: Path, form: str, ending: str, names: tuple[str, str]) -> None:
        for split in ("train", "dev", "test"):
            self.write(tmp_path / f"{form.format(split)}{ending}", names, ROWS)
        config = self.config(tmp_path, ["no", "yes"], languages=["ko"])
        dataset = dataset_of(config)
        assert (dataset.labels, dataset.languages) == (("no", "yes"), ("ko",))
        source = dataset.open(config)
        # Nothing is known of placeholders here: an empty text may be meant.
        expected = [Example("A", "B", 1, 0), Example("C", "", 0, 1), Example("NS", "H", 1, 3)]
        for split in ("train", "dev", "test"):
            assert source.languages(split) == ("ko",)
            assert list(source.read(split, "ko")) == expected

    @pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
    @pytest.mark.parametrize(
        ("labels", "expected"), [(["no", "yes", "maybe"], [1, 0, 2]), (["2", "0", "1"], [2, 1, 0])]
    )
    def test_numbers(
        self, tmp_path: Path, ending: str, labels: list[str], expected: list[int]
    ) -> None:
        rows = [("A", "B", 1), ("C", "D", 0), ("E", "F", 2)]
        self.write(tmp_path / f"dev-en{ending}", ("text1", "text2"), rows)
        config = self.config(tmp_path, labels)
        source = dataset_of(config).open(config)
        assert [example.label for example in source.read("dev", "en")] == expected

    def test_unknown_label_is_named_with_what_may_be(self, tmp_path: Path) -> None:
        self.write(tmp_path / "dev-en.tsv", ("text1", "text2"), [("A", "B", "perhaps")])
        config = self.config(tmp_path, ["no", "yes"])
        with pytest.raises(UserError, match=r"line 2: label 'perhaps' .*\. Write no or yes \('-'"):
            list(dataset_of(config).open(config).read("dev", "en"))

    def test_name_of_one_s_own(self) -> None:
        dataset = dataset_of(DataConfig("mine", labels=["a", "b"], eval_languages=["ro", "ko"]))
        assert (dataset.name, dataset.labels) == ("mine", ("a", "b"))
        assert dataset.languages == ("ro", "ko")


def test_fingerprint_follows_what_a_label_becomes(tmp_path: Path) -> None:
    """The same bytes are other examples to other data sets: a cache must not mix them up."""
    order = ["contradiction", "entailment", "neutral"]
    table(tmp_path / "dev" / "en.tsv", "premise\thypothesis\tlabel", "A\tB\tneutral")
    configs = [
        DataConfig("xnli", str(tmp_path)),
        DataConfig("xnli", str(tmp_path), labels=order),
        DataConfig("pairs", str(tmp_path), labels=order),
        DataConfig("pairs", str(tmp_path), labels=order[::-1]),
        DataConfig("pawsx", str(tmp_path)),
    ]
    sources = [dataset_of(config).open(config) for config in configs]
    assert len({source.fingerprint("dev", "en") for source in sources}) == len(configs)


@pytest.fixture
def fingerprint(tmp_path: Path) -> Callable[..., str]:
    path = table(tmp_path / "dev" / "en.tsv", "premise\thypothesis\tlabel", "A\tB\tneutral")

    def find(labels: list[str] | None = None) -> str:
        return open_source(str(path.parents[1]), None, labels).fingerprint("dev", "en")

    return find


def test_fingerprints_of_before_stay(fingerprint: Callable[..., str]) -> None:
    """Token caches that were filled before there were other data sets are found again."""
    assert fingerprint() == "3361ce983839b513fabe4ae770bd68576e929ec7b9b7b450a5d8e69b24f51a31"
    numbered = "5186ab3ad68c88f0ab6c52bd97bb3f3329d12bdd00ea5be407ca55c7b3fccf38"
    assert fingerprint(list(LABELS.words)) == numbered
