import hashlib
import os
import random
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infoxlm.data.text_file import LITTLE, MOST_UNPACKED, TextFile, zip_members
from infoxlm.errors import UserError
from infoxlm.files.json_file import MOST_LINE_BYTES


def written(path: Path, content: bytes, *, zipped: bool) -> TextFile:
    if not zipped:
        path.write_bytes(content)
        return TextFile(path)
    archive = path.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as stream:
        stream.writestr("folder/lines.tsv", content)
    return TextFile(archive, "folder/lines.tsv")


@pytest.fixture(params=[False, True], ids=["file", "zip"])
def zipped(request: pytest.FixtureRequest) -> bool:
    return request.param


def test_byte_order_mark_line_ends_and_blank_end_are_left_out(tmp_path: Path, zipped: bool) -> None:
    file = written(tmp_path / "a.tsv", b"\xef\xbb\xbfone\r\ntwo\nthree\r\n\r\n\n", zipped=zipped)
    assert list(file.lines()) == [(1, "one"), (2, "two"), (3, "three")]


def test_last_line_needs_no_line_end(tmp_path: Path, zipped: bool) -> None:
    assert list(written(tmp_path / "a.tsv", b"one", zipped=zipped).lines()) == [(1, "one")]


def test_only_a_line_feed_ends_a_line(tmp_path: Path, zipped: bool) -> None:
    text = "a\u0085b\u2028c\x0bd\x1ce\rf"
    file = written(tmp_path / "a.tsv", f"{text}\nnext\n".encode(), zipped=zipped)
    assert list(file.lines()) == [(1, text), (2, "next")]


@settings(deadline=None, max_examples=40)
@given(
    lines=st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\0\n\r"), min_size=1), min_size=1
    )
)
def test_lines_come_back_as_written(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    lines[0] = "x" + lines[0]  # a byte order mark belongs to the file, not to the first line
    path = tmp_path_factory.mktemp("lines") / "a.tsv"
    path.write_bytes("\n".join(lines).encode("utf-8"))
    assert list(TextFile(path).lines()) == list(enumerate(lines, start=1))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"\n\r\n", "is empty"),
        (b"one\n\n\ntwo\n", "line 2 is blank"),
        (b"one\nt\xe9wo\n", "line 2: byte 0xe9 is not UTF-8"),
        ("one".encode("utf-16"), "is UTF-16, not text in UTF-8. Save"),
        ("one".encode("utf-16-le"), "is UTF-16LE, not text in UTF-8. Save it as UTF-8 (in Excel"),
        (b"one\nt\0wo\n", "line 2 holds a NUL byte"),
    ],
)
def test_what_cannot_be_read_is_named(
    tmp_path: Path, zipped: bool, content: bytes, problem: str
) -> None:
    file = written(tmp_path / "a.tsv", content, zipped=zipped)
    with pytest.raises(UserError) as error:
        list(file.lines())
    assert problem in str(error.value)
    assert str(file) in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_file(tmp_path: Path) -> None:
    file = TextFile(tmp_path / "gone.tsv")
    for act in (lambda: list(file.lines()), file.sha256):
        with pytest.raises(UserError, match="gone.tsv cannot be read: No such file"):
            act()


def test_pipes_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.tsv")
    with pytest.raises(UserError, match="pipe.tsv is not a file"):
        list(TextFile(tmp_path / "pipe.tsv").lines())


def test_damaged_zip(tmp_path: Path) -> None:
    content = os.urandom(20_000)
    file = written(tmp_path / "a.tsv", content, zipped=True)
    damaged = bytearray(file.path.read_bytes())
    damaged[10_000] ^= 0xFF
    file.path.write_bytes(damaged)
    with pytest.raises(UserError, match="the zip is damaged"):
        file.sha256()
    file.path.write_bytes(damaged[:5_000])
    with pytest.raises(UserError, match=r"a\.zip cannot be opened as a zip"):
        zip_members(file.path)


@pytest.mark.parametrize(
    ("local", "central", "value", "problem"),
    [(6, 8, 1, "is encrypted"), (8, 10, 99, "compression method is not supported")],
    ids=["encrypted", "compressed in a rare way"],
)
def test_zip_that_cannot_be_unpacked(
    tmp_path: Path, local: int, central: int, value: int, problem: str
) -> None:
    file = written(tmp_path / "a.tsv", b"one\n", zipped=True)
    content = bytearray(file.path.read_bytes())
    content[local] = value  # of the member's own header, then of the directory's entry
    content[content.index(b"PK\1\2") + central] = value
    file.path.write_bytes(content)
    with pytest.raises(UserError, match=rf"a\.zip/.*{problem}.*Unpack it"):
        file.sha256()


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compression_that_text_does_not_have(tmp_path: Path, method: int) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as archive:
        archive.writestr("a.tsv", b"one\n")
    with pytest.raises(UserError, match=r"a\.zip/a\.tsv cannot be unpacked .*Unpack it"):
        TextFile(tmp_path / "a.zip", "a.tsv").sha256()


@pytest.mark.parametrize(
    ("size", "said", "problem"),
    [
        (LITTLE - 1, LITTLE - 1, None),
        (LITTLE + 1, LITTLE + 1, "would be 16,777,217 bytes out of a zip of 24,"),
        (LITTLE + 1, 2, "the zip is damaged"),
        (10, LITTLE + 1, "would be 16,777,217 bytes out of a zip of 1"),
        (10, MOST_UNPACKED + 1, "would be 1,073,741,825 bytes out of a zip of 1"),
    ],
)
def test_what_unpacks_to_more_than_text_does(
    tmp_path: Path, size: int, said: int, problem: str | None
) -> None:
    """The entry may lie about the size: no more is unpacked than it says."""
    text = (b"word\n" * (size // 5 + 1))[:size]
    digest = hashlib.sha256(text).hexdigest()
    file = written(tmp_path / "a.tsv", text, zipped=True)
    content = bytearray(file.path.read_bytes())
    central = content.index(b"PK\1\2")
    for place in (22, central + 24):
        content[place : place + 4] = said.to_bytes(4, "little")
    file.path.write_bytes(content)
    tracemalloc.start()
    if problem is None:
        assert file.sha256() == digest
    else:
        with pytest.raises(UserError, match=problem):
            list(file.lines())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20


def test_a_line_without_an_end(tmp_path: Path, zipped: bool) -> None:
    within = b"a" * MOST_LINE_BYTES
    file = written(tmp_path / "a.tsv", b"one\n" + within[:-1] + b"\n" + within, zipped=zipped)
    assert [number for number, _ in file.lines()] == [1, 2, 3]
    file = written(tmp_path / "b.tsv", b"one\n" + within + b"a\n", zipped=zipped)
    with pytest.raises(UserError, match=r"line 2 has more than 1,048,576 bytes\. Write one record"):
        list(file.lines())


@pytest.mark.parametrize("seed", range(200))
def test_damaged_zips_are_one_line(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    file = written(tmp_path / "a.tsv", b"one\ttwo\n" * 50, zipped=True)
    content = bytearray(file.path.read_bytes())
    for _ in range(rng.randint(1, 3)):
        content[rng.randrange(len(content))] = rng.choice((0, 1, 0x7F, 0xFF, rng.randrange(256)))
    file.path.write_bytes(content)
    try:
        for member in zip_members(file.path).values():
            list(member.lines())
    except UserError as error:
        assert len(str(error)) < 500


def test_digest_is_of_the_content_and_follows_it(tmp_path: Path, zipped: bool) -> None:
    file = written(tmp_path / "a.tsv", b"one\n", zipped=zipped)
    assert file.sha256() == hashlib.sha256(b"one\n").hexdigest()
    file = written(tmp_path / "a.tsv", b"other\n", zipped=zipped)
    assert file.sha256() == hashlib.sha256(b"other\n").hexdigest()


def test_members_go_by_their_bare_names(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("XNLI-1.0/xnli.dev.tsv", "text")
        archive.writestr("__MACOSX/XNLI-1.0/._xnli.dev.tsv", "not text")
    members = zip_members(tmp_path / "a.zip")
    assert members["xnli.dev.tsv"] == TextFile(tmp_path / "a.zip", "XNLI-1.0/xnli.dev.tsv")
    assert str(members["xnli.dev.tsv"]).endswith("a.zip/XNLI-1.0/xnli.dev.tsv")


def test_memory_does_not_grow_with_the_file(tmp_path: Path, zipped: bool) -> None:
    content = b"".join(os.urandom(500).hex().encode() + b"\n" for _ in range(5_000))  # 5 MB
    file = written(tmp_path / "a.tsv", content, zipped=zipped)
    tracemalloc.start()
    count = sum(1 for _ in file.lines())
    file.sha256()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 5_000
    assert peak < 2**20
