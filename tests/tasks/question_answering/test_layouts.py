from pathlib import Path

import pytest

from infoxlm.errors import UserError
from infoxlm.tasks.question_answering.layouts import all_files, combination, combined, split_files


@pytest.fixture
def touch(tmp_path):
    def touch(*names):
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text("{}")
        return tmp_path

    return touch


def names(layout, root):
    return {
        split: {x: [str(file.relative_to(root)) for file in files] for x, files in found.items()}
        for split, found in layout.files.items()
        if found
    }


SQUAD = {"train": {"en": ["train-v1.1.json"]}, "dev": {"en": ["dev-v1.1.json"]}}
BOTH = {"de": ["xquad.de.json"], "en": ["xquad.en.json"]}


@pytest.mark.parametrize(
    ("files", "found"),
    [
        (["train-v1.1.json", "dev-v1.1.json"], SQUAD),
        (["train.en.json", "train.de.json", "dev.zh-CN.json"],
         {"train": {"en": ["train.en.json"], "de": ["train.de.json"]},
          "dev": {"zh-CN": ["dev.zh-CN.json"]}}),
        (["xquad.de.json", "xquad.en.json", "README.json"], {"dev": BOTH, "test": BOTH}),
        (["xquad.de.json", "xquad.en.json", "train-v1.1.json"],
         {"train": {"en": ["train-v1.1.json"]}, "dev": BOTH, "test": BOTH}),
        (["de.json", "th.json", "translators.json"],
         {split: {"de": ["de.json"], "th": ["th.json"]} for split in ("dev", "test")}),
        # Where names say dev, the others are no test set.
        (["dev.en.json", "wiki.en.json"], {"dev": {"en": ["dev.en.json"]}}),
        (["dev/de.json", "validation/en.json", "test/swh.json", "train/en.part1.json",
          "train/en.part2.json"],
         {"dev": {"de": ["dev/de.json"], "en": ["validation/en.json"]},
          "test": {"swh": ["test/swh.json"]},
          "train": {"en": ["train/en.part1.json", "train/en.part2.json"]}}),
        (["tydiqa.sw.dev.json", "tydiqa.sw.train.json", "squad.translate.train.en-de.json"],
         {"dev": {"sw": ["tydiqa.sw.dev.json"]},
          "train": {"sw": ["tydiqa.sw.train.json"], "de": ["squad.translate.train.en-de.json"]}}),
    ],
)  # fmt: skip
def test_forms(touch, files, found):
    root = touch(*files)
    layout = all_files(root, ["en"])
    assert names(layout, root) == found
    assert not layout.mlqa


@pytest.mark.parametrize("folder", ["", "MLQA_V1/", "dev/", "MLQA_V1/dev/"])
def test_mlqa(touch, folder):
    pairs = [("de", "de"), ("de", "en"), ("zh", "de")]
    files = [f"{folder}dev-context-{a}-question-{b}.json" for a, b in pairs]
    root = touch(*files)
    layout = all_files(root, ["en"])
    assert names(layout, root) == {
        "dev": {"de": files[:1], "de-en": [files[1]], "zh-de": files[2:]}
    }
    assert layout.mlqa


def test_names_of_combinations():
    assert combined("de-en") == ("de", "en") and combined("zh-CN-pt-BR") == ("zh-CN", "pt-BR")
    assert combined("de") is combined("zh-CN") is combined("zh-Hant") is None
    assert combination("de", "de") == "de" and combination("de", "en") == "de-en"


@pytest.mark.parametrize(
    ("language", "languages", "name"),
    [("en", ["en"], "train.json"), ("ko", ["ko"], "KorQuAD_v1.0_train.json"),
     ("en", ["en", "de"], "train.json"), ("de", ["en", "de"], "own_de.json"),
     ("swh", ["swh"], "own.swh.json"), ("en", ["en"], "own.swh.json")],
)  # fmt: skip
def test_language_of_a_file(touch, language, languages, name):
    file = touch(name) / name
    found = split_files(file, "data.train_root", "train", languages)
    assert found.files == {"train": {language: (file,)}}


def test_files_of_several_languages_that_are_taken_for_one_are_told(touch, caplog):
    root = touch("goldp-train.json", "goldp-more-train.json", "goldp-dev-swahili.json")
    all_files(root, ["en"])
    assert caplog.messages == []  # training files are put together anyway
    root = touch("goldp-dev-arabic.json")
    all_files(root, ["en"])
    split_files(root, "data.dev_root", "dev", ["en"])
    (told,) = set(caplog.messages)
    assert told.startswith("dev: the names of 2 files say no language, and all are taken for en,")
    assert len(caplog.messages) == 2
    assert "goldp-dev-arabic.json. Call them LANG.json" in told


def test_one_file_is_dev_and_test_alike(touch):
    file = touch("xquad.el.json") / "xquad.el.json"
    assert all_files(file, ["en"]).files == {
        "train": {}, "dev": {"el": (file,)}, "test": {"el": (file,)},
    }  # fmt: skip
    file = touch("dev-v1.1.json") / "dev-v1.1.json"
    assert all_files(file, ["en"]).files == {"train": {}, "dev": {"en": (file,)}, "test": {}}


def test_one_split_of_a_folder(touch):
    root = touch("train-v1.1.json", "dev-v1.1.json", "more.json")
    found = split_files(root, "data.train_root", "train", ["en"])
    assert names(found, root) == {"train": {"en": ["train-v1.1.json"]}}
    assert names(split_files(root, "data.dev_root", "dev", ["en"]), root) == {"dev": SQUAD["dev"]}
    # Without a name that says train, all that say nothing are it.
    root = touch("own/new_wiki.en.json", "own/b.json", "own/dev.json") / "own"
    found = split_files(root, "data.train_root", "train", ["en"])
    assert names(found, root) == {"train": {"en": ["b.json", "new_wiki.en.json"]}}
    # A file that is given by itself is what it is given as.
    found = split_files(root / "dev.json", "data.train_root", "train", ["en"])
    assert names(found, root) == {"train": {"en": ["dev.json"]}}


def test_patterns(touch, monkeypatch):
    root = touch("a/one.en.json", "a/two.en.json", "b/three.de.json", "a/four.txt")
    for place in (root, Path()):
        monkeypatch.chdir(root)
        found = split_files(place / "*" / "*.json", "data.train_files", "train", ["en"])
        assert [x.name for x in found.files["train"]["en"]] == ["one.en.json", "two.en.json"]
        assert [x.name for x in found.files["train"]["de"]] == ["three.de.json"]


def test_nothing_there(touch):
    root = touch("README.json")
    with pytest.raises(UserError, match=r"data.root=.* holds no questions .* Give a folder with"):
        all_files(root, ["en"])
    for place in ("none", "*.txt"):
        with pytest.raises(UserError, match=r"data.dev_root=.* does not exist. Give "):
            split_files(root / place, "data.dev_root", "dev", ["en"])
    root = touch("own/dev.json") / "own"
    with pytest.raises(UserError, match="data.train_root=.* holds no train file. Give a file"):
        split_files(root, "data.train_root", "train", ["en"])
