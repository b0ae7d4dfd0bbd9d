import gzip

import pytest

from infoxlm.data.text_encoding import START, check_encoding
from infoxlm.errors import UserError

TEXT = "premise\thypothesis\nShe sleeps.\tShe is awake.\n"


@pytest.mark.parametrize(
    ("encoding", "named"),
    [
        ("utf-16", "UTF-16"),
        ("utf-32", "UTF-32"),
        ("utf-16-le", "UTF-16LE"),
        ("utf-16-be", "UTF-16BE"),
    ],
)
def test_encoding_is_named(encoding: str, named: str) -> None:
    with pytest.raises(UserError) as error:
        check_encoding(TEXT.encode(encoding)[:START], "pairs.tsv")
    assert error.value.problem == f"pairs.tsv is {named}, not text in UTF-8"
    assert f"iconv -f {named} -t UTF-8" in error.value.remedy


@pytest.mark.parametrize(
    ("start", "named"),
    [(gzip.compress(b"text", mtime=0), "gzip"), (b"PK\3\4", "zip"), (b"PAR1", "Parquet")],
)
def test_what_is_no_text_is_named(start: bytes, named: str) -> None:
    with pytest.raises(UserError, match=f"pairs.tsv is {named}.*, not text in UTF-8"):
        check_encoding(start[:START], "pairs.tsv")


@pytest.mark.parametrize(
    "start", [b"", b"a", b"\n", TEXT.encode(), TEXT.encode("utf-8-sig"), "Ärger".encode("latin-1")]
)
def test_everything_else_is_left_to_the_reader(start: bytes) -> None:
    check_encoding(start, "pairs.tsv")
