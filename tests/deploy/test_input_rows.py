import csv
import io
import json
import logging

import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from infoxlm.deploy.input_rows import count_lines, read_rows
from infoxlm.errors import UserError
from infoxlm.tasks.classification.inference import ModelInference
from infoxlm.tasks.classification.zero_shot import ZeroShot

PAIR_COLUMNS = [field.columns for field in ModelInference.fields]
TEXT_COLUMNS = [field.columns for field in ZeroShot.fields]


@pytest.fixture
def read(tmp_path):
    """Writes a file and reads it as (row, texts) or (row, error)."""

    def rows(name, content, columns=PAIR_COLUMNS):
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return [(each.row, each.error or each.texts) for each in read_rows(file, columns)]

    return rows


def test_tsv_takes_quotes_as_text_and_finds_columns_by_name(read):
    content = (
        "\ufeffid\tlabel\thypothesis\tpremise\r\n"
        '1\tneutral\tb "quoted" text\t"a\r\n'
        "2\t-\tits \u2028 line separator\x85\t, [x] {y}\n"
    )
    assert read("x.tsv", content) == [
        (0, ('"a', 'b "quoted" text')),
        (1, (", [x] {y}", "its \u2028 line separator\x85")),
    ]


def test_csv_has_quotes_and_line_breaks_in_fields(read):
    content = 'premise,hypothesis\r\n"a, ""b""","c\r\nd"\r\ne,f\r\n'
    assert read("x.csv", content) == [(0, ('a, "b"', "c\r\nd")), (1, ("e", "f"))]


def test_jsonl(read):
    content = (
        '{"hypothesis": "b\\n\\u0000", "premise": "a", "id": 3}\n'
        '{"sentence1": "\\ud83d\\ude80", "sentence2": ""}\n'
    )
    assert read("x.jsonl", content) == [(0, ("a", "b\n\0")), (1, ("🚀", ""))]


def test_half_a_character_is_an_error_of_its_row(read):
    content = '{"premise": "a \\ud800", "hypothesis": "b"}\n{"premise": "c", "hypothesis": "d"}\n'
    first, second = read("x.jsonl", content)
    assert first == (0, "line 1: premise holds half a character: '\"a \\\\ud800\"'")
    assert second == (1, ("c", "d"))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.tsv", "premise\thypothesis\n\n\n"),
        ("x.csv", "premise,hypothesis"),
        ("x.jsonl", ""),
        ("x.jsonl", "\n \n"),
    ],
)
def test_a_file_may_hold_no_row(read, name, content):
    assert read(name, content) == []


def test_other_names_of_the_columns(read):
    assert read("x.tsv", "sentence1\tsentence2\na\tb\n") == [(0, ("a", "b"))]
    assert read("x.csv", "n,text\n1,a\n", TEXT_COLUMNS) == [(0, ("a",))]
    assert read("x.jsonl", '{"text": "a"}', TEXT_COLUMNS) == [(0, ("a",))]


def test_names_in_capitals(read):
    assert read("x.csv", "Premise,HYPOTHESIS\na,b\n") == [(0, ("a", "b"))]
    assert read("X.TSV", "premise\thypothesis\na\tb\n") == [(0, ("a", "b"))]
    assert read("x.JSON", '{"Premise": "a", "Hypothesis": "b"}\n') == [(0, ("a", "b"))]


def test_semicolons_of_a_spreadsheet(read):
    content = '\ufeffpremise;hypothesis\r\n"a; ""b""";c, d\r\n'
    assert read("x.csv", content) == [(0, ('a; "b"', "c, d"))]


def test_adversarial_nli_calls_the_premise_context(read):
    content = '{"context": "a", "hypothesis": "b", "label": "c"}\n'
    assert read("x.jsonl", content) == [(0, ("a", "b"))]


def test_tsv_of_a_csv_writer(read, caplog):
    content = 'premise\thypothesis\n"She said ""no""."\tb\n"two\nlines"\t"a\ttab"\nc "d"\te\n'
    with caplog.at_level(logging.INFO):
        assert read("x.tsv", content) == [
            (0, ('She said "no".', "b")),
            (1, ("two\nlines", "a\ttab")),
            (2, ('c "d"', "e")),
        ]
    (record,) = caplog.records
    assert "a csv writer put fields in quotes" in record.getMessage()


def test_an_empty_text_is_told_once(read, caplog):
    content = "premise,hypothesis\na,b\n,c\nd,\n"
    assert read("x.csv", content) == [(0, ("a", "b")), (1, ("", "c")), (2, ("d", ""))]
    (record,) = caplog.records
    assert "x.csv, row 1: premise is empty" in record.getMessage()


def test_parquet(tmp_path):
    file = tmp_path / "x.parquet"
    columns = {"hypothesis": ["b", "d", ""], "label": [0, 1, 2], "Premise": ["a\n", None, "e"]}
    parquet.write_table(pyarrow.table(columns), file)
    rows = [(each.row, each.error or each.texts) for each in read_rows(file, PAIR_COLUMNS)]
    assert rows == [(0, ("a\n", "b")), (1, "Premise is not a string: 'None'"), (2, ("e", ""))]
    assert count_lines(file) == 0
    with pytest.raises(UserError, match=r"x.parquet: 'hypothesis, label, Premise' does not name"):
        list(read_rows(file, TEXT_COLUMNS))
    file.write_bytes(b"no such thing")
    with pytest.raises(UserError, match="x.parquet cannot be read as Parquet"):
        list(read_rows(file, PAIR_COLUMNS))


def test_bad_rows_of_a_table_are_told_and_counted(read):
    content = b"premise\thypothesis\na\tb\nonly one\na\tb\tc\n\xff\xfe\tb\n\nc\td\n\n\n"
    assert read("x.tsv", content) == [
        (0, ("a", "b")),
        (1, "line 3: 1 columns instead of 2"),
        (2, "line 4: 3 columns instead of 2"),
        (3, "line 5: byte 0xff is not UTF-8"),
        (4, "line 6: blank"),
        (5, ("c", "d")),
    ]


def test_bad_rows_of_csv(read):
    content = b'premise,hypothesis\n"a"x,b\nc\n\nd,\xe9\n"two\nlines",e\nf,"never closed\ng,h\n'
    rows = read("x.csv", content)
    assert [row for row, _ in rows] == list(range(6))
    assert rows[0][1].startswith("line 2: ',' expected")
    assert rows[1:5] == [
        (1, "line 3: 1 columns instead of 2"),
        (2, "line 4: blank"),
        (3, "line 5: byte 0xe9 is not UTF-8"),
        (4, ("two\nlines", "e")),
    ]
    assert rows[5][1] == "line 8: unexpected end of data"


def test_a_quote_that_is_never_closed_does_not_take_the_whole_file(read):
    content = 'premise,hypothesis\n"open,b\n' + "a,b\n" * 100_000
    rows = read("x.csv", content)
    assert "field larger than field limit" in rows[0][1]
    assert len(rows) > 60_000
    assert rows[-1][1] == ("a", "b")


def test_bad_rows_of_jsonl(read):
    content = (
        b'{"premise": "a"}\n'
        b'{"premise": 1, "hypothesis": "b"}\n'
        b'["a", "b"]\n'
        b"{oops\n"
        b'{"premise": "\xff", "hypothesis": "b"}\n'
        b"   \n" + b"[" * 100_000 + b'\n{"premise": "a", "hypothesis": "b"}\n'
    )
    rows = read("x.jsonl", content)
    assert rows[0] == (0, "line 1: no hypothesis among the keys 'premise'")
    assert rows[1] == (1, "line 2: premise is not a string: '1'")
    assert rows[2] == (2, 'line 3: \'["a", "b"]\' is not a JSON object')
    assert rows[3][1].startswith("line 4: not JSON: Expecting property name")
    assert rows[4] == (4, "line 5: byte 0xff is not UTF-8")
    assert rows[5] == (5, "line 6: blank")
    assert rows[6][1].startswith("line 7: not JSON: ")
    assert rows[7:] == [(7, ("a", "b"))]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.txt", "a", "x.txt is none of .tsv, .csv, .jsonl"),
        ("x.tsv", "", "x.tsv, line 1: '' does not name the columns premise and hypothesis"),
        ("x.tsv", "a\tb\nc\td\n", "line 1: 'a, b' does not name the columns"),
        ("x.csv", "premise\n", "does not name the columns premise and hypothesis"),
        ("x.csv", '"premise"x,hypothesis\n', "does not name the columns"),
        ("x.tsv", "premise\thypothesis\na\tb\n".encode("utf-16"), "x.tsv is UTF-16, not text in"),
        ("x.csv", "premise,hypothesis\na,b\n".encode("utf-16-le"), "x.csv is UTF-16LE, not text"),
        ("x.jsonl", b"PAR1\x15\x04", "x.jsonl is Parquet, not text in UTF-8"),
    ],
)
def test_files_that_hold_no_rows(read, name, content, message):
    with pytest.raises(UserError, match=message):
        read(name, content)


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "folder.tsv").mkdir()
    for name, reason in (
        ("missing.tsv", "No such file"),
        ("folder.tsv", "it is not a regular file"),
    ):
        with pytest.raises(UserError, match=f"{name} cannot be read: {reason}"):
            next(read_rows(tmp_path / name, PAIR_COLUMNS))


def test_rows_are_read_as_they_are_asked_for(tmp_path):
    file = tmp_path / "x.tsv"
    file.write_bytes(b"premise\thypothesis\n" + b"a\tb\n" * 10)
    rows = read_rows(file, PAIR_COLUMNS)
    assert next(rows).texts == ("a", "b")
    assert count_lines(file) == 11
    assert count_lines(tmp_path / "missing") == 0


TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=5))
def test_what_csv_and_json_write_is_read_back(tmp_path_factory, pairs):
    folder = tmp_path_factory.mktemp("rows")
    table = io.StringIO()
    csv.writer(table).writerows([("premise", "hypothesis"), *pairs])
    (folder / "x.csv").write_bytes(table.getvalue().encode())
    lines = [json.dumps({"premise": a, "hypothesis": b}, ensure_ascii=False) for a, b in pairs]
    (folder / "x.jsonl").write_bytes("\n".join(lines).encode())
    for name in ("x.csv", "x.jsonl"):
        assert [each.texts for each in read_rows(folder / name, PAIR_COLUMNS)] == pairs
