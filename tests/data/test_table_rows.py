import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infoxlm.data.table_rows import (
    find_delimiter,
    has_opening_quote,
    table_rows,
    written_with_quotes,
)  # fmt: skip

HEADER = "premise\thypothesis\tlabel\n"

TEXT = st.text(st.sampled_from('"\t\n\r a,ü\u2028') | st.characters(codec="utf-8"), max_size=8)


def lines_of(text: str) -> list[str]:
    return io.StringIO(text, newline="\n").readlines()


def written(rows: list[tuple[str, ...]], **options: object) -> str:
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter="\t", lineterminator="\n", **options).writerows(rows)
    return stream.getvalue()


def read(text: str) -> list[list[str]]:
    quoted = written_with_quotes(lines_of(text))
    rows = (fields for _, fields in table_rows(lines_of(text), "\t", quoted=quoted))
    return [fields for fields in rows if isinstance(fields, list)]


@settings(max_examples=300, deadline=None)
@given(
    pairs=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=6),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
)
def test_what_a_csv_writer_quoted_is_read_without_quotes(
    pairs: list[tuple[str, str]], quoting: int
) -> None:
    rows = [("premise", "hypothesis", "label"), *((*pair, "neutral") for pair in pairs)]
    assert read(written(rows, quoting=quoting)) == list(map(list, rows))


@settings(max_examples=300, deadline=None)
@given(
    fields=st.lists(
        st.tuples(*[st.text(st.sampled_from('" aü.'), min_size=1, max_size=6)] * 2), max_size=6
    )
)
def test_tables_with_a_bare_quote_before_a_text_are_read_as_they_stand(
    fields: list[tuple[str, str]],
) -> None:
    rows = [["premise", "hypothesis", "label"], *([*pair, "neutral"] for pair in fields)]
    rows.insert(len(rows) // 2 + 1, ['"Go!" he said', "He wants them to go", "entailment"])
    assert read("".join("\t".join(row) + "\n" for row in rows)) == rows


@pytest.mark.parametrize(
    "row",
    [
        '"Go!"\tHe said "go".\tneutral\n',  # both ends, but nothing doubled
        '"Why?"\tA\tneutral\n"Why?""You never asked."\tB\tneutral\n"Go!" he said\tC\tneutral\n',
        '"I came\tA\tneutral\nhe said"\tB\tneutral\n',  # a quotation over two rows
        'A\t""\tneutral\n',
        "A\tB\tneutral\n",
    ],
)
def test_quotes_that_are_text(row: str) -> None:
    assert not written_with_quotes(lines_of(HEADER + row))
    assert read(HEADER + row)[1:] == [line.split("\t") for line in row.splitlines()]


@pytest.mark.parametrize(
    ("row", "premise"),
    [
        ('"She said ""no"" to him."\tShe agreed.\tneutral\n', 'She said "no" to him.'),
        ('"""Go!"""\tA\tneutral\n', '"Go!"'),
        ('"one\ttab"\tA\tneutral\n', "one\ttab"),
        ('"two\n\nlines"\tA\tneutral\n', "two\n\nlines"),
    ],
)
def test_quotes_of_a_writer(row: str, premise: str) -> None:
    bare = 'She said "no".\tB\tneutral\n'  # no writer's, but nothing speaks against it
    assert [fields[0] for fields in read(HEADER + row + bare)[1:]] == [premise, 'She said "no".']


@pytest.mark.parametrize("size", [1, 2, 7, 100])
@pytest.mark.parametrize(
    ("content", "has"),
    [
        (b'"a"\tb\n', True),
        (b'a\t"b\n', True),
        (b'a\tb\n"c', True),
        (b'a "b"\tc"\n', False),
        (b"", False),
    ],
)
def test_opening_quote_is_found_in_pieces(content: bytes, has: bool, size: int) -> None:
    pieces = [content[start : start + size] for start in range(0, len(content), size)]
    assert has_opening_quote(pieces) is has


def test_a_broken_row_does_not_bring_the_quotes_back() -> None:
    rows = [("premise", "hypothesis", "label", "genre"), ('He said "no".', "B", "neutral")]
    assert read(written(rows)) == list(map(list, rows))


def test_rows_have_the_line_that_they_begin_on() -> None:
    text = 'a,b\n"two\nlines",c\n\n"a"x,b\nd,"open\n'
    rows = list(table_rows(lines_of(text), ",", quoted=True))
    assert [row[0] for row in rows] == [1, 2, 4, 5, 6]
    assert [row[1] for row in rows[:3]] == [["a", "b"], ["two\nlines", "c"], [""]]
    assert [str(row[1]) for row in rows[3:]] == [
        "',' expected after '\"'",
        "unexpected end of data",
    ]


@pytest.mark.parametrize(
    ("header", "delimiter"),
    [
        ("Premise,hypothesis\n", ","),
        ("id;premise;hypothesis\n", ";"),
        ('"premise"\t"hypothesis"\n', "\t"),
        ("premise|hypothesis\n", None),
        ("", None),
    ],
)
def test_delimiter_goes_by_the_header(header: str, delimiter: str | None) -> None:
    assert find_delimiter(header, (("premise",), ("hypothesis",))) == delimiter
