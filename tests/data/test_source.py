import subprocess
import sys
from pathlib import Path

import pytest

from infoxlm.data import source as source_module
from infoxlm.data.source import DataSource, Example, open_source
from infoxlm.data.xnli import LANGUAGES
from infoxlm.errors import UserError


def write_table(path: Path, premise: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"premise\thypothesis\tlabel\n{premise}\tB\tneutral\n", encoding="utf-8")


@pytest.fixture
def evaluation(tmp_path: Path) -> Path:
    root = tmp_path / "evaluation"
    for split in ("train", "dev", "test"):
        write_table(root / split / "en.tsv", f"{split} of root")
    return root


def test_all_splits_from_the_root(evaluation: Path) -> None:
    source = open_source(str(evaluation))
    for split in ("train", "dev", "test"):
        assert list(source.read(split, "en")) == [Example(f"{split} of root", "B", 1, 0)]
    assert source.name == str(evaluation)


def test_training_data_from_elsewhere(evaluation: Path, tmp_path: Path) -> None:
    training = tmp_path / "train.de.tsv"
    write_table(training, "train of train_root")
    source = open_source(str(evaluation), str(training))
    assert source.languages("train") == ("de",)
    assert source.languages("dev") == ("en",)
    assert list(source.read("train", "de")) == [Example("train of train_root", "B", 1, 0)]
    assert list(source.read("test", "en")) == [Example("test of root", "B", 1, 0)]
    assert source.files("train", "de") == (training,)
    assert source.files("dev", "en") == (evaluation / "dev" / "en.tsv",)
    assert source.fingerprint("train", "de") != source.fingerprint("dev", "en")
    assert str(training) in source.name
    with pytest.raises(UserError, match=r"no train data in 'en', only de\. .*train_languages"):
        source.read("train", "en")


def test_home_folder(evaluation: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(evaluation.parent))
    assert open_source("~/evaluation").languages("dev") == ("en",)


def test_without_root_the_hub_copy_serves_evaluation(
    evaluation: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = open_source(str(evaluation))
    monkeypatch.setattr(source_module, "open_hub_copy", lambda: published)
    assert open_source(None) is published
    write_table(tmp_path / "mnli.tsv", "train of train_root")
    source = open_source(None, str(tmp_path / "mnli.tsv"))
    assert [example.premise for example in source.read("train", "en")] == ["train of train_root"]
    assert [example.premise for example in source.read("dev", "en")] == ["dev of root"]


def test_wrong_train_root_is_found_before_a_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_module, "open_hub_copy", lambda: pytest.fail("downloads"))
    with pytest.raises(UserError, match=r"data\.train_root=.* does not exist"):
        open_source(None, str(tmp_path / "gone.tsv"))


def test_importing_needs_no_heavy_library() -> None:
    code = (
        "import sys, infoxlm.data.source\n"
        "print({'paddle', 'paddlenlp', 'torch', 'datasets', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


class TestRealData:
    @pytest.fixture(scope="class")
    def source(self, shared: Path) -> DataSource:
        return open_source(
            str(shared / "data" / "xnli"), str(shared / "data" / "mnli" / "train.en.tsv")
        )

    @pytest.mark.parametrize(("split", "count"), [("dev", 2490), ("test", 5010)])
    def test_all_languages_are_complete_and_parallel(
        self, source: DataSource, split: str, count: int
    ) -> None:
        assert source.languages(split) == LANGUAGES
        labels = {
            language: [(example.row, example.label) for example in source.read(split, language)]
            for language in LANGUAGES
        }
        assert [row for row, _ in labels["en"]] == list(range(count))
        assert all(labels[language] == labels["en"] for language in LANGUAGES)
        assert [[label for _, label in labels["en"]].count(id) for id in range(3)] == [
            count // 3
        ] * 3

    def test_training_pairs(self, source: DataSource) -> None:
        assert source.languages("train") == ("en",)
        examples = list(source.read("train", "en"))
        assert [example.row for example in examples] == list(range(54_961))
        assert all(example.premise and example.hypothesis for example in examples)

    def test_limit_takes_the_same_rows(self, source: DataSource) -> None:
        rows = [[e.row for e in source.read("test", language, 600)] for language in LANGUAGES]
        assert rows == [list(range(600))] * 15

    def test_translated_training_folder(self, shared: Path) -> None:
        source = open_source(str(shared / "data" / "xnli"), str(shared / "data/translate_train"))
        assert source.languages("train") == ("de", "en", "es", "fr", "sw")
        assert sum(1 for _ in source.read("train", "sw")) == 9_000
