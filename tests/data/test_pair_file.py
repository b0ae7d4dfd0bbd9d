import csv
import json
import logging
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infoxlm.data.example import Example
from infoxlm.data.pair_file import PairFile
from infoxlm.data.records import XTREME, XTREME_TRANSLATED
from infoxlm.data.text_file import TextFile
from infoxlm.data.xnli import xnli_forms
from infoxlm.errors import UserError

RULES = xnli_forms().rules


def table(path: Path, *rows: str, **options: object) -> PairFile:
    path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8", newline="\n")
    return PairFile(TextFile(path), "en", **options)  # type: ignore[arg-type]


HEADER = "premise\thypothesis\tlabel"


def test_table_with_header(tmp_path: Path) -> None:
    file = table(tmp_path / "en.tsv", HEADER, "It rains.\tIt is wet.\tentailment", "A\tB\tneutral")
    assert list(file.examples(RULES)) == [
        Example("It rains.", "It is wet.", 0, 0),
        Example("A", "B", 1, 1),
    ]


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("premise\thypo\tlabel", "A\tB\tcontradictory"),
        ("label\thypothesis\tgenre\tpremise", "contradiction\tB\tg\tA"),
        ("pairID\tgold_label\tsentence1\tsentence2\tlabel1", "7\tcontradiction\tA\tB\tneutral"),
    ],
)
def test_columns_go_by_name(tmp_path: Path, header: str, row: str) -> None:
    assert list(table(tmp_path / "en.tsv", header, row).examples(RULES)) == [
        Example("A", "B", 2, 0)
    ]


def test_quotes_are_text(tmp_path: Path) -> None:
    file = table(
        tmp_path / "en.tsv", HEADER, '"Go!" he said\tHe said "go\tneutral', 'A"\tB\tneutral'
    )
    assert [tuple(example[:2]) for example in file.examples(RULES)] == [
        ('"Go!" he said', 'He said "go'),
        ('A"', "B"),
    ]


def test_rows_without_gold_label_are_dropped_counted_and_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = ["A\tB\tneutral", "C\tD\t-", "E\tF\tneutral", "G\tH\t-", "I\tJ\tneutral"]
    file = table(tmp_path / "en.tsv", HEADER, *rows)
    with caplog.at_level(logging.INFO):
        assert [example.row for example in file.examples(RULES)] == [0, 2, 4]
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path / 'en.tsv'}: dropped 2 rows without a gold label"
    ]


def test_empty_texts_are_used_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = ["A\tB\tneutral", "\tD\tneutral", "E\t \tneutral", "\tH\t-"]
    file = table(tmp_path / "en.tsv", HEADER, *rows)
    with caplog.at_level(logging.WARNING):
        assert [example.row for example in file.examples(RULES)] == [0, 1, 2]
        assert len(list(file.examples(RULES, limit=1))) == 1
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path / 'en.tsv'}: rows with an empty text, used as they are: 2. Leave them out if "
        "it is missing."
    ]


@settings(deadline=None, max_examples=40)
@given(labels=st.lists(st.sampled_from(["neutral", "-"]), min_size=1), limit=st.integers(0, 12))
def test_limit_is_a_row_number(
    tmp_path_factory: pytest.TempPathFactory, labels: list[str], limit: int
) -> None:
    path = tmp_path_factory.mktemp("limit") / "en.tsv"
    file = table(path, HEADER, *(f"A\tB\t{label}" for label in labels))
    expected = [row for row, label in enumerate(labels) if label != "-" and row < limit]
    assert [example.row for example in file.examples(RULES, limit)] == expected


def test_limit_stops_before_what_follows(tmp_path: Path) -> None:
    file = table(tmp_path / "en.tsv", HEADER, "A\tB\tneutral", "broken")
    assert len(list(file.examples(RULES, limit=1))) == 1


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([HEADER, "A\tB\tneutral", "C\tD\tperhaps"], "line 3: label 'perhaps' is refused, unknown"),
        ([HEADER, "A\tB\t1"], "line 2: label '1' is refused, a number"),
        ([HEADER, "A\tB\tneutral", "C\tD"], "line 3: 2 tab-separated columns instead of 3"),
        ([HEADER, "A\tB\tneutral", "C\tD\tneutral\t"], "line 3: 4 tab-separated columns instead"),
        ([HEADER], "holds no pair"),
        (["A\tB\tneutral"], r"line 1: 'A\\tB\\tneutral' does not name the columns"),
        (["premise\tlabel", "A\tneutral"], "line 1: .* does not name the columns"),
    ],
)
def test_broken_table_names_file_line_and_value(
    tmp_path: Path, rows: list[str], problem: str
) -> None:
    file = table(tmp_path / "broken.tsv", *rows)
    with pytest.raises(UserError, match=rf"broken\.tsv.*{problem}") as error:
        list(file.examples(RULES))
    assert "\n" not in str(error.value)


def test_one_language_of_several(tmp_path: Path) -> None:
    header = "language\tgold_label\tsentence1\tsentence2"
    path = tmp_path / "xnli.dev.tsv"
    table(path, header, "ar\tneutral\tA0\tB0", "en\tneutral\tC0\tD0", "ar\t-\tA1\tB1",
          "en\tentailment\tC1\tD1", "ar\tneutral\tA2\tB2")  # fmt: skip
    arabic = PairFile(TextFile(path), "ar", mixed=True)
    english = PairFile(TextFile(path), "en", mixed=True)
    assert list(arabic.examples(RULES)) == [Example("A0", "B0", 1, 0), Example("A2", "B2", 1, 2)]
    assert list(english.examples(RULES)) == [Example("C0", "D0", 1, 0), Example("C1", "D1", 0, 1)]
    assert list(arabic.examples(RULES, limit=2)) == [Example("A0", "B0", 1, 0)]
    assert arabic.fingerprint() != english.fingerprint()


def test_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "xnli.dev.jsonl"
    pairs = [
        {"language": "en", "gold_label": "neutral", "sentence1": 'He "ran".', "sentence2": "B"},
        {"language": "de", "gold_label": "entailment", "sentence1": "Ä", "sentence2": "D"},
    ]
    path.write_text("".join(json.dumps(pair) + "\n" for pair in pairs), encoding="utf-8")
    assert list(PairFile(TextFile(path), "de", mixed=True).examples(RULES)) == [
        Example("Ä", "D", 0, 0)
    ]
    assert list(PairFile(TextFile(path), "en", mixed=True).examples(RULES)) == [
        Example('He "ran".', "B", 1, 0)
    ]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"premise": "A"', "is not a JSON object"),
        ("7", "is not a JSON object"),
        ('[["premise", "A"], ["hypothesis", "B"], ["label", "neutral"]]', "is not a JSON object"),
        ("[" * 100_000, "is not a JSON object"),
        (
            '{"premise": "A", "hypothesis": null, "label": "neutral"}',
            "hypothesis is not a text: 'null'",
        ),
        (
            '{"text1": 5, "text2": "B", "label": "neutral"}',
            "text1 is not a text: '5'",
        ),
        (
            '{"premise": "A", "hypothesis": "B", "Label": [true]}',
            r"Label is not a word or a whole number: '\[true\]'",
        ),
        ('{"premise": "A", "hypothesis": "B", "label": 1}', "label '1' is refused, a number"),
        (
            '{"premise": "A", "label": "neutral"}',
            "no hypothesis among the keys 'premise, label'",
        ),
    ],
)
def test_broken_json_lines(tmp_path: Path, line: str, problem: str) -> None:
    file = table(tmp_path / "broken.jsonl", line)
    with pytest.raises(UserError, match=rf"broken\.jsonl, line 1: .*{problem}"):
        list(file.examples(RULES))


@settings(deadline=None, max_examples=40)
@given(text=st.text(st.characters(codec="utf-8", exclude_characters="\n\r\t\0"), min_size=1))
def test_xtreme_undoes_the_csv_writer(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("xtreme") / "dev-en.tsv"
    with path.open("w", encoding="utf-8", newline="") as stream:  # as xnli_preprocess does
        csv.writer(stream, delimiter="\t").writerow(["x" + text, 'He said "no".', "neutral"])
    file = PairFile(TextFile(path), "en", headerless=XTREME)
    assert list(file.examples(RULES)) == [Example("x" + text, 'He said "no".', 1, 0)]


def test_xtreme_leaves_bare_quotes_of_other_writers(tmp_path: Path) -> None:
    row = '"Go!"\t"Go" and "come"\tneutral'
    file = table(tmp_path / "dev-en.tsv", row, headerless=XTREME)
    assert list(file.examples(RULES)) == [Example('"Go!"', '"Go" and "come"', 1, 0)]


def test_xtreme_name_with_a_header_is_read_by_the_header(tmp_path: Path) -> None:
    file = table(tmp_path / "dev-en.tsv", HEADER, "A\tB\tneutral", headerless=XTREME)
    assert list(file.examples(RULES)) == [Example("A", "B", 1, 0)]


def test_xtreme_translation_takes_the_translated_pair(tmp_path: Path) -> None:
    row = "It rains.\tIt is wet.\tEs regnet.\tEs ist nass.\tcontradictory"
    file = table(tmp_path / "en-de-translated.tsv", row, headerless=XTREME_TRANSLATED)
    assert list(file.examples(RULES)) == [Example("Es regnet.", "Es ist nass.", 2, 0)]


def test_fingerprint_follows_bytes_language_and_columns(tmp_path: Path) -> None:
    file = table(tmp_path / "a.tsv", HEADER, "A\tB\tneutral")
    same = table(tmp_path / "b.tsv", HEADER, "A\tB\tneutral")
    other_bytes = table(tmp_path / "c.tsv", HEADER, "A\tC\tneutral")
    others = [
        other_bytes,
        PairFile(file.file, "de"),
        PairFile(file.file, "en", mixed=True),
        PairFile(file.file, "en", headerless=XTREME),
    ]
    assert file.fingerprint() == same.fingerprint()
    assert len({file.fingerprint(), *(other.fingerprint() for other in others)}) == 5
