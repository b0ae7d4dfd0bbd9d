import logging

import pytest

from infoxlm.data.text_file import TextFile
from infoxlm.errors import UserError
from infoxlm.tasks.consistency.dictionaries import dictionary_files, read_dictionary


@pytest.fixture
def folder(tmp_path):
    for name in ("en-de", "en-zh", "de-en", "en-notes", "readme"):
        (tmp_path / f"{name}.txt").write_text("cat\tx\n", encoding="utf-8")
    return tmp_path


def test_all_dictionaries_of_english_are_found(folder):
    assert list(dictionary_files(folder, None)) == ["de", "zh"]
    assert list(dictionary_files(folder, ["zh"])) == ["zh"]


@pytest.mark.parametrize(
    ("name", "languages", "said"),
    [
        (".", ["de", "fr"], "has no dictionary for fr"),
        ("nowhere", None, "does not exist"),
        ("readme.txt", None, "is a file"),
        ("empty", None, "holds no en-xx.txt"),
    ],
)
def test_what_is_missing_is_told(folder, name, languages, said):
    (folder / "empty").mkdir()
    with pytest.raises(UserError, match=said):
        dictionary_files(folder / name, languages)


def test_words_have_all_their_translations(tmp_path, caplog):
    file = tmp_path / "en-de.txt"
    file.write_text("Cat\tKatze\ncat Kater\n\nice cream Eis\nalone\nhome\tzu Hause \n", "utf-8")
    with caplog.at_level(logging.WARNING, "infoxlm"):
        found = read_dictionary(TextFile(file))
    assert found == {"cat": ["Katze", "Kater"], "ice": ["cream Eis"], "home": ["zu Hause"]}
    assert "1 lines have no translation and are left out, the first is line 5" in caplog.text


def test_a_file_without_pairs_is_refused(tmp_path):
    (tmp_path / "en-de.txt").write_text("cat\ndog\n", "utf-8")
    with pytest.raises(UserError, match="no line is a word and its translation"):
        read_dictionary(TextFile(tmp_path / "en-de.txt"))
