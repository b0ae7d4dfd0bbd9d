import io
import json
import logging
import sys

import pytest

from infoxlm.deploy.input_rows import InputRow
from infoxlm.deploy.prediction_files import check_output, open_writer, predict_rows
from infoxlm.deploy.predictor import Prediction
from infoxlm.errors import UserError
from infoxlm.tasks.classification.inference import ModelInference

LABELS = ("yes", "no")


def rows(count, bad=()):
    return (
        InputRow(n, (), f"line {n + 2}: a\tbad\nrow") if n in bad else InputRow(n, (str(n), "x"))
        for n in range(count)
    )


def inference(labels):
    return ModelInference({"id2label": {str(i): label for i, label in enumerate(labels)}})


def classify(texts):
    """Says yes to even numbers; those from 8 on are too long."""
    return [
        Prediction(LABELS[int(a) % 2], {"yes": 1 / 3, "no": 2 / 3}, int(a) >= 8) for a, _ in texts
    ]


def write(output, count=10, bad=(), **options):
    with open_writer(output, inference(LABELS)) as writer:
        return predict_rows(
            rows(count, bad), classify, writer,
            **{"name": "x.tsv", "chunk": 4, "stop_on_error": False, **options},
        )  # fmt: skip


@pytest.mark.parametrize("chunk", [1, 3, 100])
def test_json_lines_in_the_order_of_the_input(tmp_path, chunk):
    tally = write(tmp_path / "out.jsonl", bad=(0, 5, 6), chunk=chunk)
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [line["row"] for line in lines] == list(range(10))
    assert lines[5] == {"row": 5, "error": "line 7: a\tbad\nrow"}
    assert lines[4] == {
        "row": 4,
        "label": "yes",
        "probabilities": {"yes": 0.333333, "no": 0.666667},
        "truncated": False,
    }
    assert [line.get("label") for line in lines] == [
        None, "no", "yes", "no", "yes", None, None, "no", "yes", "no",
    ]  # fmt: skip
    assert [line["row"] for line in lines if line.get("truncated")] == [8, 9]
    assert (tally.rows, tally.bad, tally.truncated) == (10, 3, 2)
    assert str(tally) == "10 rows, 3 of them bad, 2 cut to the model's length"


def test_table(tmp_path):
    write(tmp_path / "out.tsv", count=3, bad=(1,))
    assert (tmp_path / "out.tsv").read_text().splitlines() == [
        "row\tlabel\tyes\tno\ttruncated\terror",
        "0\tyes\t0.333333\t0.666667\tfalse\t",
        "1\t\t\t\t\tline 3: a bad row",
        "2\tyes\t0.333333\t0.666667\tfalse\t",
    ]


def test_standard_output(capsys):
    write(None, count=2)
    assert [json.loads(line)["label"] for line in capsys.readouterr().out.splitlines()] == [
        "yes", "no",
    ]  # fmt: skip


def test_stopping_at_a_bad_row_leaves_no_file(tmp_path):
    with pytest.raises(UserError, match=r"x.tsv, row 5: line 7: a\tbad\nrow. .*on_error=skip"):
        write(tmp_path / "out.jsonl", bad=(5,), stop_on_error=True)
    assert list(tmp_path.iterdir()) == []


def test_bad_rows_are_reported_until_there_are_many(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        write(tmp_path / "out.jsonl", count=50, bad=range(10, 45))
    assert caplog.messages[0] == "x.tsv, row 10: line 12: a\tbad\nrow"
    assert len(caplog.messages) == 21
    assert caplog.messages[-1] == "more bad rows are only counted"


def test_labels_that_no_encoding_knows(tmp_path):
    broken = Prediction("\udcff", {"\udcff": 1.0})
    for name in ("out.jsonl", "out.tsv"):
        with open_writer(tmp_path / name, inference(["\udcff"])) as writer:
            writer.write(InputRow(0, ("a",)), broken)
        assert "\\udcff" in (tmp_path / name).read_text()


def test_outputs_that_cannot_be(tmp_path):
    (tmp_path / "there.tsv").touch()
    (tmp_path / "folder.tsv").mkdir()
    source = tmp_path / "source.tsv"
    source.touch()
    for name, overwrite, message in (
        ("out.csv", False, "out.csv is neither .jsonl nor .tsv"),
        ("there.tsv", False, "there.tsv exists.*overwrite=true"),
        ("folder.tsv", True, "folder.tsv is a folder"),
        ("source.tsv", True, "source.tsv is the input"),
    ):
        with pytest.raises(UserError, match=message):
            check_output(tmp_path / name, source, overwrite=overwrite)
    check_output(tmp_path / "there.tsv", source, overwrite=True)
    with pytest.raises(UserError, match=r"out.jsonl cannot be written.*there.tsv'"):
        write(tmp_path / "there.tsv" / "out.jsonl")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8", "utf-16"])
def test_lines_on_standard_output_are_json_in_every_encoding(encoding, monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    labels = ("größe", "\U0001f600 語")
    with open_writer(None, inference(labels)) as writer:
        writer.write(
            InputRow(0, ("a", "b")), Prediction(labels[1], dict.fromkeys(labels, 0.5), False)
        )
        writer.write(InputRow(1, (), "line 3: é is odd"), None)
    first, second = stream.detach().getvalue().decode(encoding).splitlines()
    assert json.loads(first)["label"] == labels[1]
    assert tuple(json.loads(first)["probabilities"]) == labels
    assert json.loads(second) == {"row": 1, "error": "line 3: é is odd"}
    assert ("\\u8a9e" in first) is (encoding in ("ascii", "latin-1"))
