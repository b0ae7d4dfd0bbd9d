from pathlib import Path

import pytest

from infoxlm.convert.target_folder import target_folder
from infoxlm.errors import UserError

ELSEWHERE = Path("/nowhere/model.safetensors")


def write(target, text="new", *, overwrite=False, source=ELSEWHERE):
    with target_folder(target, overwrite=overwrite, source=source) as folder:
        (folder / "conversion.md").write_text(text)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_it_appears_at_the_end(tmp_path):
    target = tmp_path / "deep" / "model"
    with target_folder(target, overwrite=False, source=ELSEWHERE) as folder:
        (folder / "file").touch()
        assert not target.exists()
        assert folder.parent == target.parent
    assert names(target) == ["file"]
    assert names(target.parent) == ["model"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_nothing_stays_of_a_failure(error, tmp_path):
    for target in (tmp_path / "x", tmp_path / "deep" / "down" / "x"):
        with pytest.raises(error), target_folder(target, overwrite=False, source=ELSEWHERE):
            raise error
        assert names(tmp_path) == []


def test_a_failure_keeps_what_was_there(tmp_path):
    write(tmp_path / "model", "old")
    with (
        pytest.raises(RuntimeError),
        target_folder(tmp_path / "model", overwrite=True, source=ELSEWHERE),
    ):
        raise RuntimeError
    assert (tmp_path / "model" / "conversion.md").read_text() == "old"
    assert names(tmp_path) == ["model"]


def test_a_full_disk_is_the_users_to_mend(tmp_path):
    with (
        pytest.raises(UserError, match="No space left"),
        target_folder(tmp_path / "x", overwrite=False, source=ELSEWHERE),
    ):
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("target", ["file/x", "circle", "x" * 250])
def test_a_place_that_cannot_be_written(target, tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(UserError, match=f"{target} cannot be written: [A-Z].*Choose another"):
        write(tmp_path / target)
    assert names(tmp_path) == ["circle", "file"]


def test_an_empty_folder_is_taken(tmp_path):
    (tmp_path / "model").mkdir()
    write(tmp_path / "model")
    assert names(tmp_path / "model") == ["conversion.md"]


def test_overwriting_replaces_the_whole_folder(tmp_path):
    write(tmp_path / "model", "old")
    (tmp_path / "model" / "stale").touch()
    with pytest.raises(UserError, match="overwrite=true"):
        write(tmp_path / "model")
    write(tmp_path / "model", overwrite=True)
    assert names(tmp_path / "model") == ["conversion.md"]
    assert (tmp_path / "model" / "conversion.md").read_text() == "new"
    assert names(tmp_path) == ["model"]


def test_what_no_conversion_wrote_is_never_removed(tmp_path):
    (tmp_path / "precious").touch()
    for overwrite in (False, True):
        with pytest.raises(UserError, match="not written by this command") as refused:
            write(tmp_path, overwrite=overwrite)
        assert "overwrite" not in str(refused.value)
    with pytest.raises(UserError, match="is a file"):
        write(tmp_path / "precious", overwrite=True)
    assert names(tmp_path) == ["precious"]


def test_the_source_is_never_removed(tmp_path):
    write(tmp_path / "model", "old")
    with pytest.raises(UserError, match="holds the source"):
        write(tmp_path / "model", overwrite=True, source=tmp_path / "model" / "conversion.md")
