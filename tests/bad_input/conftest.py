"""Command lines with bad input, each of which has to end in one line.

A new kind is one row in a table: how the input is made, the command line, what the line names.
"""

import ctypes
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

PREFIX = "infoxlm: error: "


@pytest.fixture
def refused(infoxlm: Callable[..., Any], cache_folder: Path) -> Callable[..., Any]:
    """Runs a command line and checks that it is refused as it should be.

    One line, the last one, which names all the parts and ends in a remedy; a code other than 0; no
    traceback; every file and folder below the current one as before, and nothing half-written in
    the cache.
    """

    def check(line: str | Sequence[str], named: Sequence[str]) -> Any:
        before = tree(Path.cwd())
        finished = infoxlm(*(line.split() if isinstance(line, str) else line))
        told = finished.err.splitlines()
        assert finished.code not in (0, None)
        assert "Traceback" not in finished.out + finished.err
        assert [x for x in told if x.startswith(PREFIX)] == told[-1:], finished.err
        for part in named:
            assert part in told[-1]
        assert re.search(r"[^.]\. ['\"`A-Z].*\w.*[.?]$", told[-1]), "a problem, then a remedy"
        assert tree(Path.cwd()) == before
        assert not [x for x in cache_folder.rglob("*") if x.name.startswith(".")]
        assert not [x for x in cache_folder.rglob("*") if "partial" in x.name]
        return finished

    return check


def tree(folder: Path) -> dict[str, bytes | None]:
    """Every file below a folder with its bytes, every folder with None."""

    def content(path: Path) -> bytes | None:
        try:
            return path.read_bytes() if path.is_file() else None
        except OSError:
            return None

    return {str(path.relative_to(folder)): content(path) for path in folder.rglob("*")}


@pytest.fixture(scope="session")
def whole_model(
    tiny_model: Callable[..., Any],
    sentencepiece_file: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A classifier in Paddle's layout that nothing is wrong with."""
    folder = tmp_path_factory.mktemp("whole") / "model"
    tiny_model(train_max_length=32).save_pretrained(folder)
    InfoXLMTokenizer(sentencepiece_file).save_pretrained(folder)
    return folder


@pytest.fixture
def model(infoxlm: Callable[..., Any], whole_model: Path) -> Path:
    """A copy of it as `model` in the current folder, to be spoiled."""
    return Path(shutil.copytree(whole_model, Path("model")))


@pytest.fixture
def without_rights() -> Callable[[Path], Any]:
    """Takes all rights away from a folder while the block lasts, root's too."""

    @contextmanager
    def forbidden(folder: Path) -> Iterator[None]:
        folder.chmod(0)
        try:
            with rights_for_root():
                yield
        finally:
            folder.chmod(0o700)

    return forbidden


@contextmanager
def rights_for_root() -> Iterator[None]:
    """Have rights count for root as they do for everybody, by laying down two capabilities."""
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this thread
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable, of 32 each, twice
    libc.capget(header, sets)
    effective = sets[0]
    sets[0] = effective & ~0b110  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    if libc.capset(header, sets) != 0:
        pytest.skip("capabilities cannot be laid down here")
    try:
        yield
    finally:
        sets[0] = effective
        libc.capset(header, sets)
