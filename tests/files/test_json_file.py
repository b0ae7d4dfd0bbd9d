import json
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infoxlm.files.json_file import (
    MOST_DIGITS,
    MOST_LEVELS,
    MOST_LINE_BYTES,
    parse_json,
    parsed_lines,
    read_json,
    read_json_object,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**60), 10**60) | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)  # fmt: skip


@given(JSON)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_reads_what_python_reads(tmp_path, value):
    (tmp_path / "file.json").write_text(json.dumps(value), encoding="utf-8")
    assert read_json(tmp_path / "file.json") == value
    assert parse_json(json.dumps(value, ensure_ascii=False)) == value


@pytest.mark.parametrize("inside", ["[", '{"a":'])
def test_levels(inside):
    outside = {"[": "]", '{"a":': "}"}[inside]
    assert parse_json(inside * MOST_LEVELS + "1" + outside * MOST_LEVELS)
    for levels in (MOST_LEVELS + 1, 500, 100_000):
        with pytest.raises(ValueError, match="nested in more than 64 levels"):
            parse_json(inside * levels + "1" + outside * levels)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1" * (MOST_DIGITS + 1), "a number of 101 digits, 111111111111..."),
        (f'{{"a": [-{"9" * 5000}]}}', "a number of 5001 digits"),
        ("1e400", "1e400, which is too large"),
        ("[-1e400]", "-1e400, which is too large"),
        ("NaN", "NaN, which is not JSON"),
        ('{"a": -Infinity}', "-Infinity, which is not JSON"),
        ("", "Expecting value"),
        ("{'a': 1}", "Expecting property name"),
        ("1 2", "Extra data"),
    ],
)
def test_refuses_in_one_line(text, told, tmp_path):
    for read in (parse_json, lambda text: read_json(written(tmp_path, text.encode()))):
        with pytest.raises(ValueError, match=told.replace("...", r"\.\.\.")) as caught:
            read(text)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 100


def written(folder, content):
    (folder / "file.json").write_bytes(content)
    return folder / "file.json"


def test_largest_numbers_are_exact_and_finite():
    for number in (10**30, 10**MOST_DIGITS - 1, 1.7976931348623157e308, 5e-324):
        assert parse_json(json.dumps(number)) == number
        assert float(parse_json(json.dumps(number))) < float("inf")


def test_half_a_character(tmp_path):
    assert read_json(written(tmp_path, b'"\\ud83d\\ude00 \\u00e9"')) == "\U0001f600 é"
    for text in (b'{"\\ud83d": 1}', b'["a", "\\uDE00"]'):
        with pytest.raises(ValueError, match="half a character"):
            read_json(written(tmp_path, text))


def test_lenient():
    assert parse_json('["\\ud83d", Infinity]', lenient=True) == ["\ud83d", float("inf")]
    assert str(parse_json("NaN", lenient=True)) == "nan"
    for text in ("1e400", "1" * (MOST_DIGITS + 1), "[" * 500):
        with pytest.raises(ValueError):
            parse_json(text, lenient=True)


def test_byte_order_mark_and_other_encodings(tmp_path):
    assert read_json(written(tmp_path, b"\xef\xbb\xbf{}")) == {}
    with pytest.raises(ValueError, match="utf-8"):
        read_json(written(tmp_path, "{}".encode("utf-16")))


def test_size(tmp_path):
    path = written(tmp_path, b"[1, 2, 3]")
    assert read_json(path, most_bytes=9) == [1, 2, 3]
    with pytest.raises(ValueError, match="larger than 8 bytes"):
        read_json(path, most_bytes=8)


def test_pipes_and_folders_are_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        for read in (read_json, lambda path: list(parsed_lines(path, str))):
            with pytest.raises(ValueError, match="not a regular file"):
                read(path)
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "missing")


def test_objects_only(tmp_path):
    assert read_json_object(written(tmp_path, b'{"a": 1}')) == {"a": 1}
    for text in (b"[]", b"7", b"null", b'"a"'):
        with pytest.raises(ValueError, match="not a JSON object"):
            read_json_object(written(tmp_path, text))


def test_lines(tmp_path):
    path = written(tmp_path, b"a\n\xff\n\n" + b"x" * MOST_LINE_BYTES)
    lines = list(parsed_lines(path, str))
    assert lines[:3] == ["a\n", "\ufffd\n", "\n"]
    assert len(lines) == 4
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(ValueError, match="line 4: it has more than 1,048,576 bytes"):
        list(parsed_lines(path, str))


def test_bad_line_is_named(tmp_path):
    path = written(tmp_path, b"1\n[NaN]\n")
    lines = parsed_lines(path, parse_json)
    assert next(lines) == 1
    with pytest.raises(ValueError, match="^line 2: it holds NaN, which is not JSON$"):
        next(lines)
