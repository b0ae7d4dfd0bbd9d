import gzip
import hashlib

import pytest

from infoxlm.data import gzip_file
from infoxlm.data.gzip_file import text_file
from infoxlm.errors import UserError

LINES = ["one\n", "zwei \u2028 drei\r\n", "\n", "vier"]


@pytest.fixture
def packed(tmp_path):
    file = tmp_path / "text.de.gz"
    file.write_bytes(gzip.compress("".join(LINES).encode()))
    return file


def test_packed_text_reads_as_the_plain_file(packed, tmp_path):
    plain = tmp_path / "text.de"
    plain.write_bytes("".join(LINES).encode())
    assert [*text_file(packed).decoded()] == [*text_file(plain).decoded()]
    assert [line for _, line in text_file(packed).decoded()] == LINES
    assert text_file(packed).suffix == text_file(plain).suffix == ".de"
    assert text_file(packed).sha256() == hashlib.sha256(packed.read_bytes()).hexdigest()


@pytest.mark.parametrize("damage", [lambda x: x[:-9], lambda x: b"no gzip\n", lambda x: x + b"x"])
def test_damaged_file_is_refused_by_name(packed, damage):
    packed.write_bytes(damage(packed.read_bytes()))
    with pytest.raises(UserError, match="text.de.gz is damaged"):
        list(text_file(packed).decoded())


def test_missing_file_is_refused_by_name(tmp_path):
    with pytest.raises(UserError, match="none.en.gz cannot be read: No such file"):
        list(text_file(tmp_path / "none.en.gz").decoded())


def test_what_unpacks_to_more_than_text_does_is_refused(packed, monkeypatch):
    monkeypatch.setattr(gzip_file, "LITTLE", 10)
    monkeypatch.setattr(gzip_file, "MOST_TIMES", 0)
    with pytest.raises(UserError, match="text.de.gz unpacks to more than 10 bytes"):
        list(text_file(packed).decoded())
