import json
from dataclasses import replace

import numpy as np
import pytest

from infoxlm.errors import UserError
from infoxlm.evaluate.predictions import (
    Predictions,
    concatenated,
    is_binary,
    matched,
    read_predictions,
    unlike_answers,
    write_predictions,
)


@pytest.fixture
def predictions():
    return Predictions(
        np.array(["en", "en", "zh"]),
        np.array([0, 7, 0]),
        {"f1": np.array([1.0, 1 / 3, 0.5]), "exact": np.array([1.0, 0.0, 0.0])},
        {
            "label": ["a", "b", "c"],
            "answer": ["a", None, "北京"],
            "spans": [[[0, 1]], [], [[2]]],
        },
    )


def test_round_trip(tmp_path, predictions):
    file = tmp_path / "run" / "predictions.jsonl"
    write_predictions(file, predictions)
    lines = file.read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[1]) == {
        "language": "en", "row": 7, "label": "b", "answer": None, "spans": [],
        "values": {"f1": 1 / 3, "exact": 0.0},
    }  # fmt: skip
    read = read_predictions(file)
    assert read.languages.tolist() == predictions.languages.tolist()
    assert read.rows.tolist() == predictions.rows.tolist()
    assert read.columns == predictions.columns
    assert list(read.values) == list(predictions.values)
    for name, values in predictions.values.items():
        np.testing.assert_array_equal(read.values[name], values)
    assert [path.name for path in file.parent.iterdir()] == ["predictions.jsonl"]


def test_lines_of_before_are_read(tmp_path):
    """Versions before scored by accuracy alone, and did not write it down."""
    file = tmp_path / "predictions.jsonl"
    file.write_text(
        '{"language": "en", "row": 0, "label": "neutral", "predicted": "neutral", '
        '"probabilities": [0.1, 0.8, 0.1]}\n'
        '{"language": "en", "row": 7, "label": "neutral", "predicted": "contradiction", '
        '"probabilities": [0.333333, 0.2, 0.466667]}\n'
    )
    read = read_predictions(file)
    assert read.values["accuracy"].tolist() == [1.0, 0.0]
    assert read.columns["predicted"] == ["neutral", "contradiction"]
    assert read.columns["probabilities"][1] == [0.333333, 0.2, 0.466667]


def test_columns_have_one_length():
    with pytest.raises(ValueError, match=r"\[1, 2\] predictions"):
        Predictions(np.array(["en"]), np.array([0]), {"f1": np.zeros(2)})


@pytest.mark.parametrize(("values", "binary"), [([0, 1, 1], True), ([0, 0.5], False)])
def test_binary_values(values, binary):
    assert is_binary(np.array(values)) is binary


GOOD = {
    "language": "en",
    "row": 0,
    "label": "neutral",
    "predicted": "neutral",
    "probabilities": [0, 1, 0],
}


@pytest.mark.parametrize(
    "bad",
    [
        "{",
        "[]",
        "3",
        *(
            json.dumps({**GOOD, **change})
            for change in (
                {"language": 3},
                {"row": "0"},
                {"row": -1},
                {"label": 3},
                {"predicted": 1},
                {"values": {}},
                {"values": {"accuracy": "1"}},
                {"values": {"f1": 1}, "extra": 1},
                {"probabilities": [2, 0, 0]},
                {"probabilities": None},
            )
        ),
        json.dumps({key: value for key, value in GOOD.items() if key != "predicted"}),
    ],
)
def test_bad_line_is_named(tmp_path, bad):
    file = tmp_path / "predictions.jsonl"
    file.write_text(json.dumps(GOOD) + "\n" + bad + "\n")
    with pytest.raises(UserError, match=r"predictions\.jsonl does not hold predictions: line 2"):
        read_predictions(file)


def test_missing_and_empty_files(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        read_predictions(tmp_path / "absent.jsonl")
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(UserError, match="is empty"):
        read_predictions(tmp_path / "empty.jsonl")


def test_runs_one_behind_the_other(predictions):
    joined = concatenated([predictions, predictions.take(np.array([2]))])
    assert joined.languages.tolist() == ["en", "en", "zh", "zh"]
    assert joined.rows.tolist() == [0, 7, 0, 0]
    np.testing.assert_array_equal(joined.values["f1"], [1.0, 1 / 3, 0.5, 0.5])
    assert list(joined.values) == ["f1", "exact"]


def test_matched_brings_runs_into_one_order(predictions):
    first, second = matched(predictions, predictions.take(np.array([2, 0, 1])))
    assert first.languages.tolist() == second.languages.tolist() == ["en", "en", "zh"]
    assert first.columns == second.columns
    backwards = predictions.take(np.array([2, 1, 0]))
    assert matched(backwards, predictions)[1].languages.tolist() == ["zh", "en", "en"]


def test_matched_refuses_other_examples(predictions):
    message = "of 3 of the first and 2 of the second, 2 are the same language and row"
    with pytest.raises(UserError, match=message):
        matched(predictions, predictions.take(np.array([0, 1])))
    moved = replace(predictions, rows=predictions.rows + 1)
    with pytest.raises(UserError, match="of 3 of the first and 3 of the second, 0 are the same"):
        matched(predictions, moved)
    other = {"label": ["a", "c", "b"]}
    relabelled = replace(predictions, columns=other)
    with pytest.raises(UserError, match="gold labels of 2 of 3 examples differ"):
        matched(predictions, relabelled)
    matched(predictions, replace(predictions, columns={}))


def test_unlike_answers(predictions):
    changed = replace(predictions, values={"exact": np.array([1.0, 1.0, 0.0])})
    assert unlike_answers(predictions, changed).tolist() == [1]
    one, other = (
        replace(predictions, columns={"predicted": answers})
        for answers in (["a", "b", "c"], ["a", "c", "d"])
    )
    assert unlike_answers(one, other).tolist() == [1, 2]


@pytest.mark.parametrize(
    "change",
    [{"row": 10**30}, {"row": True}, {"row": 1.0}, {"probabilities": [True, 0, 0]}, {"label": []}],
)
def test_odd_values_are_told_in_a_line(change, tmp_path):
    (tmp_path / "predictions.jsonl").write_text(json.dumps(GOOD | change) + "\n")
    with pytest.raises(UserError, match=r"line 1: \w+(\[0\])? is ") as caught:
        read_predictions(tmp_path / "predictions.jsonl")
    assert "\n" not in caught.value.problem


def test_numbers_and_levels_are_limited(tmp_path):
    for odd in ("NaN", "1" * 400, "[" * 400 + "]" * 400, '"\\ud800"'):
        text = json.dumps(GOOD | {"note": "ODD"}).replace('"ODD"', odd)
        (tmp_path / "predictions.jsonl").write_text(text + "\n")
        with pytest.raises(UserError, match="line 1: it "):
            read_predictions(tmp_path / "predictions.jsonl")
