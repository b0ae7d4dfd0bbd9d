import pytest

from infoxlm.files.new_folders import first_missing, remove_empty


@pytest.mark.parametrize(
    ("name", "topmost"), [("a", None), ("a/b", "a/b"), ("a/b/c", "a/b"), ("x/y/z", "x")]
)
def test_topmost_folder_that_is_missing(name, topmost, tmp_path):
    (tmp_path / "a").mkdir()
    assert first_missing(tmp_path / name) == (topmost and tmp_path / topmost)


def test_empty_folders_go_up_to_the_topmost(tmp_path):
    (tmp_path / "a/b/c/d").mkdir(parents=True)
    remove_empty(tmp_path / "a/b/c/d/never made", tmp_path / "a/b")
    assert list(tmp_path.rglob("*")) == [tmp_path / "a"]


def test_folders_with_something_in_them_stay(tmp_path):
    (tmp_path / "a/b/c").mkdir(parents=True)
    (tmp_path / "a/file").touch()
    remove_empty(tmp_path / "a/b/c", tmp_path / "a")
    assert sorted(tmp_path.rglob("*")) == [tmp_path / "a", tmp_path / "a/file"]
