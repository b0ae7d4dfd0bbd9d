import pytest

from infoxlm.files.atomic import atomic_path


def test_appears_whole_with_its_suffix(tmp_path):
    target = tmp_path / "new" / "plot.png"
    with atomic_path(target) as temporary:
        assert temporary.parent == target.parent
        assert temporary.suffix == ".png"
        temporary.write_text("half")
        assert not target.exists()
    assert target.read_text() == "half"
    assert list(target.parent.iterdir()) == [target]


def test_failure_leaves_what_was_there(tmp_path):
    target = tmp_path / "results.json"
    target.write_text("old")
    with pytest.raises(RuntimeError, match="midway"), atomic_path(target) as temporary:
        temporary.write_text("ne")
        raise RuntimeError("midway")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]
