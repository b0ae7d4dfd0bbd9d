import sys
import types
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infoxlm.data.example import Example
from infoxlm.data.hub_copy import HubXnli, MirroredXnli, open_hub_copy
from infoxlm.data.xnli import LANGUAGES
from infoxlm.errors import UserError

WORDS = ["contradiction", "entailment", "neutral"]  # another order than ours, on purpose


def no_network(*arguments: Any, **options: Any) -> Any:
    raise ConnectionError("no route\nto host")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, str]]:
    """A hub whose data set has 3 rows in each language; the list records what was asked for."""
    datasets = pytest.importorskip("datasets")
    asked = []

    def load_dataset(path: str, language: str, split: str) -> Any:
        assert path == "facebook/xnli"
        assert split in ("train", "validation", "test")
        asked.append((language, split))
        features = datasets.Features(
            premise=datasets.Value("string"),
            hypothesis=datasets.Value("string"),
            label=datasets.ClassLabel(names=WORDS),
        )
        rows = {
            "premise": [f"{language} {split} {row}" for row in range(3)],
            "hypothesis": ['"a"', '"b"', '"c"'],
            "label": [0, 1, 2],
        }
        file = tmp_path / f"{language}-{split}.parquet"
        datasets.Dataset.from_dict(rows, features=features).to_parquet(file)
        return datasets.Dataset.from_parquet(str(file), cache_dir=str(tmp_path / "cache"))

    monkeypatch.setattr("datasets.load.load_dataset_builder", lambda path, language: None)
    monkeypatch.setattr("datasets.load.load_dataset", load_dataset)
    return asked


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("datasets")
    monkeypatch.setattr("datasets.load.load_dataset_builder", no_network)


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., list[str]]:
    """Stands in for paddle and PaddleNLP: `mirror(get_path_from_url)` puts them in place."""
    home = tmp_path / "paddlenlp"

    def install(get_path_from_url: Callable[..., str] | None = None) -> list[str]:
        asked: list[str] = []

        def downloaded(url: str, folder: str, md5: str, decompress: bool) -> str:
            asked.append(url)
            assert (md5, decompress) == (f"md5 of {url}", False)
            path = Path(folder, url.rpartition("/")[2])
            path.parent.mkdir(parents=True, exist_ok=True)
            with zipfile.ZipFile(path, "w") as archive:
                if "MT" in url:
                    archive.writestr(
                        "XNLI-MT-1.0/multinli/multinli.train.sw.tsv",
                        "premise\thypo\tlabel\nA\tB\tcontradictory\n",
                    )
                else:
                    table = "language\tgold_label\tsentence1\tsentence2\nsw\tneutral\tC\tD\n"
                    archive.writestr("XNLI-1.0/xnli.dev.tsv", table)
                    archive.writestr("XNLI-1.0/xnli.test.tsv", table)
            return str(path)

        def meta(url: str) -> types.SimpleNamespace:
            return types.SimpleNamespace(url=url, zipfile_md5=f"md5 of {url}")

        evaluation = meta("https://mirror/XNLI-1.0.zip")
        splits = {"train": meta("https://mirror/XNLI-MT-1.0.zip")}
        splits |= {"dev": evaluation, "test": evaluation}
        modules = {
            "paddle": {},
            "paddle.utils": {},
            "paddle.utils.download": {"get_path_from_url": get_path_from_url or downloaded},
            "paddlenlp": {},
            "paddlenlp.datasets": {},
            "paddlenlp.datasets.xnli": {"XNLI": types.SimpleNamespace(SPLITS=splits)},
            "paddlenlp.utils": {},
            "paddlenlp.utils.env": {"DATA_HOME": str(home)},
        }
        for name, members in modules.items():
            module = types.ModuleType(name)
            vars(module).update(members)
            monkeypatch.setitem(sys.modules, name, module)
        return asked

    return install


def test_hub_labels_go_by_their_words(hub: list[tuple[str, str]]) -> None:
    source = open_hub_copy()
    assert isinstance(source, HubXnli)
    assert source.languages("train") == LANGUAGES
    assert list(source.read("dev", "sw")) == [
        Example("sw validation 0", '"a"', 2, 0),
        Example("sw validation 1", '"b"', 0, 1),
        Example("sw validation 2", '"c"', 1, 2),
    ]
    assert [example.row for example in source.read("test", "en", limit=2)] == [0, 1]


def test_hub_loads_each_language_and_split_once(hub: list[tuple[str, str]]) -> None:
    source = HubXnli()
    assert source.fingerprint("dev", "sw") == source.fingerprint("dev", "sw")
    assert source.fingerprint("dev", "sw") != source.fingerprint("dev", "en")
    assert all(file.is_file() for file in source.files("dev", "sw"))
    assert len(source.files("dev", "sw")) == 1
    assert hub == [("sw", "validation"), ("en", "validation")]


def test_language_that_cannot_be_downloaded(
    hub: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = open_hub_copy()
    monkeypatch.setattr("datasets.load.load_dataset", no_network)
    with pytest.raises(UserError, match="facebook/xnli .*, sw .*no route to host"):
        list(source.read("dev", "sw"))


def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    monkeypatch.setitem(sys.modules, "datasets.load", None)
    with pytest.raises(UserError, match="pip install datasets") as error:
        open_hub_copy()
    assert "\n" not in str(error.value)


def test_mirror_takes_over_and_fetches_training_data_last(
    no_hub: None, mirror: Callable[..., list[str]]
) -> None:
    asked = mirror()
    source = open_hub_copy()
    assert isinstance(source, MirroredXnli)
    assert source.languages("train") == LANGUAGES
    assert list(source.read("dev", "sw")) == [Example("C", "D", 1, 0)]
    assert list(source.read("test", "sw")) == [Example("C", "D", 1, 0)]
    assert asked == ["https://mirror/XNLI-1.0.zip"]
    assert list(source.read("train", "sw")) == [Example("A", "B", 2, 0)]
    assert asked == ["https://mirror/XNLI-1.0.zip", "https://mirror/XNLI-MT-1.0.zip"]
    assert source.files("train", "sw")[0].name == "XNLI-MT-1.0.zip"
    assert source.fingerprint("train", "sw") != source.fingerprint("dev", "sw")


def test_no_network_says_what_was_tried_and_what_to_give(
    no_hub: None, mirror: Callable[..., list[str]]
) -> None:
    mirror(no_network)
    with pytest.raises(UserError) as error:
        open_hub_copy()
    message = str(error.value)
    assert "\n" not in message
    assert "facebook/xnli on the Hugging Face hub (ConnectionError: no route to host)" in message
    assert "PaddleNLP's mirror of XNLI (ConnectionError: no route to host)" in message
    assert "Give data.root=FOLDER: XNLI-1.0 and XNLI-MT-1.0 (zips or folders)" in message


def test_offline_uses_only_what_the_mirror_gave_before(
    no_hub: None, mirror: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = mirror()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="HF_HUB_OFFLINE is set"):
        open_hub_copy()
    assert asked == []
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    open_hub_copy()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert list(open_hub_copy().read("dev", "sw")) == [Example("C", "D", 1, 0)]
