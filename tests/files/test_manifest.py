import hashlib
import json
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infoxlm.errors import UserError
from infoxlm.files.manifest import (
    MANIFEST,
    check_manifest,
    read_manifest,
    sha256_of,
    write_manifest,
)

FILES = {
    "weights.bin": bytes(range(256)) * 3,
    "sub/folder/text.txt": "größer".encode(),
    "empty": b"",
}


@pytest.fixture
def folder(tmp_path):
    """A folder with sub-folders, a manifest in it."""
    folder = tmp_path / "folder"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    write_manifest(folder)
    return folder


def test_it_lists_every_file_of_every_sub_folder(folder):
    assert read_manifest(folder) == {
        name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in FILES.items()
    }
    check_manifest(folder)


def test_checksum_of_the_empty_file(tmp_path):
    (tmp_path / "empty").touch()
    assert sha256_of(tmp_path / "empty").startswith("e3b0c44298fc1c14")


def test_files_that_came_later_are_fine_until_it_is_written_again(folder):
    (folder / "notes.txt").write_text("mine")
    check_manifest(folder)
    write_manifest(folder)
    assert read_manifest(folder).keys() == {*FILES, "notes.txt"}
    check_manifest(folder)
    (folder / "notes.txt").unlink()
    with pytest.raises(UserError, match=r"notes\.txt is missing"):
        check_manifest(folder)


@given(data=st.data(), name=st.sampled_from([name for name in FILES if FILES[name]]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_flipped_bit_anywhere_is_named(folder, data, name):
    damaged = bytearray(FILES[name])
    place = data.draw(st.integers(0, len(damaged) - 1))
    damaged[place] ^= 1 << data.draw(st.integers(0, 7))
    (folder / name).write_bytes(damaged)
    with pytest.raises(UserError, match=f"{name} is damaged"):
        check_manifest(folder)
    (folder / name).write_bytes(FILES[name])
    check_manifest(folder)


@pytest.mark.parametrize("size", [0, 1, 767, 769])
def test_another_size_is_named(size, folder):
    (folder / "weights.bin").write_bytes((FILES["weights.bin"] + b"x")[:size])
    with pytest.raises(UserError, match=rf"weights\.bin has {size} bytes instead of 768"):
        check_manifest(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(name, folder):
    (folder / name).unlink()
    with pytest.raises(UserError, match=f"{name} is missing"):
        check_manifest(folder)


def test_a_folder_in_a_file_s_place_is_no_file(folder):
    (folder / "weights.bin").unlink()
    (folder / "weights.bin").mkdir()
    with pytest.raises(UserError, match="is missing"):
        check_manifest(folder)


def test_a_missing_manifest_says_that_the_folder_is_not_whole(folder):
    (folder / MANIFEST).unlink()
    with pytest.raises(UserError, match=rf"{MANIFEST} is missing.*not written to its end"):
        check_manifest(folder)


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "7", "null", "{}", '{"files": []}', '{"files": null}', '{"files": {"a": 1}}',
        '{"files": {"a": {"bytes": 1}}}', '{"files": {"a": {"bytes": "x", "sha256": ""}}}',
        '{"files": {"a": {"bytes": 1e400, "sha256": ""}}}',
        '{"files": {"a": {"bytes": 1.5, "sha256": ""}}}',
        '{"files": {"a": {"bytes": %s, "sha256": ""}}}' % (400 * "1"),
        '{"files": {"../a": {"bytes": 1, "sha256": ""}}}',
        '{"files": {"/a": {"bytes": 1, "sha256": ""}}}',
        '{"files": {"a": {"bytes": 1, "sha256": 7}}}',
        '{"files": %s}' % (400 * '{"a": ' + "1" + 400 * "}"),
        b"\xff\xfe".decode("latin-1"),
    ],
)  # fmt: skip
def test_a_damaged_manifest_is_named(text, folder):
    (folder / MANIFEST).write_text(text, encoding="latin-1")
    with pytest.raises(UserError, match=f"{MANIFEST} is damaged"):
        check_manifest(folder)


@given(place=st.integers(0, 400), bit=st.integers(0, 7))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_flipped_bit_in_the_manifest_is_an_error_or_white_space(folder, place, bit):
    whole = (folder / MANIFEST).read_bytes()
    damaged = bytearray(whole)
    damaged[place % len(whole)] ^= 1 << bit
    (folder / MANIFEST).write_bytes(damaged)
    try:
        check_manifest(folder)
    except UserError as error:
        assert str(folder) in error.problem
    else:  # such as a line's end that became another kind of white space
        assert json.loads(damaged) == json.loads(whole)
    (folder / MANIFEST).write_bytes(whole)


def test_moving_a_folder_keeps_it_whole(folder, tmp_path):
    shutil.move(folder, tmp_path / "elsewhere")
    check_manifest(tmp_path / "elsewhere")
