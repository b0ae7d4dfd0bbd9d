import logging
import shutil
import stat

import pytest

from infoxlm.model.cpu.compiled import compiler


@pytest.fixture(autouse=True)
def new_cache(tmp_path, monkeypatch):
    """An empty cache, and nothing loaded before or after."""
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler")
    monkeypatch.setenv("INFOXLM_CACHE", str(tmp_path))
    compiler.library.cache_clear()
    yield tmp_path / "kernels"
    compiler.library.cache_clear()


def test_compiled_once_and_loaded_again(new_cache, monkeypatch):
    assert compiler.library() is not None
    (made,) = new_cache.glob("*.so")
    assert stat.S_IMODE(made.stat().st_mode) == 0o700

    def fail(*arguments):
        raise AssertionError("compiled again")

    monkeypatch.setattr(compiler, "compile_source", fail)
    compiler.library.cache_clear()
    assert compiler.library() is not None


def test_another_source_is_compiled_for_itself(new_cache, monkeypatch, tmp_path):
    compiler.library()
    changed = tmp_path / "kernels.c"
    changed.write_text(compiler.SOURCE.read_text() + "// changed\n")
    monkeypatch.setattr(compiler, "SOURCE", changed)
    compiler.library.cache_clear()
    compiler.library()
    assert len(list(new_cache.glob("*.so"))) == 2


def test_a_file_that_others_may_write_is_made_again(new_cache, caplog):
    compiler.library()
    (made,) = new_cache.glob("*.so")
    made.chmod(0o777)
    compiler.library.cache_clear()
    assert compiler.library() is not None
    assert "others can write it" in caplog.text
    assert stat.S_IMODE(made.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("value", "message"), [("false", "cannot be compiled"), ("no-such-compiler", "a C compiler")]
)
def test_numpy_where_nothing_compiles(value, message, monkeypatch, caplog):
    monkeypatch.setenv("CC", value)
    with caplog.at_level(logging.INFO):
        assert compiler.library() is None
    assert message in caplog.text
    assert caplog.text.count("\n") == 1


def test_numpy_where_the_cache_cannot_be_written(monkeypatch, tmp_path, caplog):
    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.setenv("INFOXLM_CACHE", str(file))
    assert compiler.library() is None
    assert str(file) in caplog.text


def test_switched_off(new_cache, monkeypatch):
    monkeypatch.setenv(compiler.SWITCH, "0")
    assert compiler.library() is None
    assert not new_cache.exists()
