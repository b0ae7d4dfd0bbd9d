import logging
import os
import subprocess
import sys

import pytest

from infoxlm.errors import UserError
from infoxlm.files.cache import cached_file, cached_folder, lock_of

WRITER = """
import sys, time
from pathlib import Path
from infoxlm.files.cache import cached_folder
folder = Path(sys.argv[1])
def make():
    print("made", flush=True)
    time.sleep(0.3)
    return "text"
print(cached_folder(folder, lambda x: (x / "t").read_text(), make,
                    lambda x, value: (x / "t").write_text(value)))
"""


class Kept:
    """A text in a cache; a damaged one is told by its first letter."""

    def __init__(self, path, inside=""):
        self.path, self.inside, self.made = path, inside, 0

    def file(self, path):
        return path / self.inside if self.inside else path

    def read(self, path):
        text = self.file(path).read_text()
        if not text.startswith("whole"):
            raise ValueError("it begins otherwise")
        return text

    def make(self):
        self.made += 1
        return f"whole {self.made}"

    def write(self, path, value):
        self.file(path).write_text(value)

    def load(self):
        cached = cached_folder if self.inside else cached_file
        return cached(self.path, self.read, self.make, self.write)


@pytest.fixture(params=["text.txt", ""])
def kept(request, tmp_path):
    return Kept(tmp_path / "cache" / "ab12", request.param)


def test_made_once(kept):
    assert [kept.load() for _ in range(3)] == ["whole 1"] * 3
    assert kept.made == 1


def test_damage_is_told_and_made_again(kept, caplog):
    kept.load()
    kept.write(kept.path, "half")
    with caplog.at_level(logging.WARNING):
        assert kept.load() == "whole 2"
    assert f"is damaged and is made again: {kept.path}: it begins otherwise" in caplog.text
    assert kept.load() == "whole 2"
    assert len(caplog.records) == 1


def test_error_while_making_is_its_own_and_leaves_nothing(kept, monkeypatch):
    def fail():
        raise OSError(5, "the data cannot be read")

    monkeypatch.setattr(kept, "make", fail)
    with pytest.raises(OSError, match="the data cannot be read"):
        kept.load()
    assert list(kept.path.parent.iterdir()) == [lock_of(kept.path)]


def test_full_disk_is_the_caches(kept, monkeypatch):
    def fail(path, value):
        (path / "half" if kept.inside else path).write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(kept, "write", fail)
    with pytest.raises(UserError, match=r"cache cannot be written: No space.*data\.cache_dir"):
        kept.load()
    assert list(kept.path.parent.iterdir()) == [lock_of(kept.path)]


def test_place_that_cannot_be_written(kept):
    kept.path.parent.write_text("a file")
    with pytest.raises(UserError, match=r"cache cannot be written"):
        kept.load()
    assert kept.made == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_read_only_cache_serves_what_it_has(kept):
    kept.load()
    kept.path.parent.chmod(0o500)
    try:
        assert kept.load() == "whole 1"
    finally:
        kept.path.parent.chmod(0o700)


def test_two_processes_make_it_once(tmp_path):
    words = [sys.executable, "-c", WRITER, str(tmp_path / "cache" / "key")]
    both = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = sorted(process.communicate(timeout=60)[0] for process in both)
    assert said == ["made\ntext\n", "text\n"]


def test_killed_writer_is_made_again(tmp_path):
    folder = tmp_path / "cache" / "key"
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "made\n"
    process.kill()
    process.communicate()
    (folder.parent / ".key.part").mkdir()
    (folder.parent / ".key.part" / "half").touch()
    read = lambda x: (x / "t").read_text()  # noqa: E731
    value = cached_folder(folder, read, lambda: "new", lambda x, new: (x / "t").write_text(new))
    assert value == "new"
    assert sorted(x.name for x in folder.parent.iterdir()) == ["key", "key.lock"]
    assert [x.name for x in folder.iterdir()] == ["t"]
