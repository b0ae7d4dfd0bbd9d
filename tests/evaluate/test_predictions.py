import json
from dataclasses import replace

import numpy as np
import pytest

from infoxlm.errors import UserError
from infoxlm.evaluate.predictions import (
    Predictions,
    matched,
    read_predictions,
    write_predictions,
)


@pytest.fixture
def predictions():
    return Predictions(
        languages=np.array(["en", "en", "zh"]),
        rows=np.array([0, 7, 0]),
        labels=np.array([0, 1, 2]),
        predicted=np.array([0, 2, 2]),
        probabilities=np.array(
            [[0.9, 0.05, 0.05], [1 / 3, 0.2, 1 - 1 / 3 - 0.2], [0, 1e-9, 1]], np.float32
        ),
    )


def test_round_trip(tmp_path, predictions):
    file = tmp_path / "run" / "predictions.jsonl"
    write_predictions(file, predictions)
    assert json.loads(file.read_text().splitlines()[1]) == {
        "language": "en",
        "row": 7,
        "label": "neutral",
        "predicted": "contradiction",
        "probabilities": [0.333333, 0.2, 0.466667],
    }
    read = read_predictions(file)
    for name in ("languages", "rows", "labels", "predicted"):
        assert getattr(read, name).tolist() == getattr(predictions, name).tolist()
    assert read.probabilities == pytest.approx(predictions.probabilities, abs=1e-6)
    assert read.correct.tolist() == [True, False, True]
    assert [path.name for path in file.parent.iterdir()] == ["predictions.jsonl"]


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
                {"language": "it"},
                {"row": "0"},
                {"row": -1},
                {"label": "contradictory"},
                {"predicted": 1},
                {"probabilities": [0.5, 0.5]},
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


def test_matched_brings_runs_into_one_order(predictions):
    first, second = matched(predictions, predictions.take(np.array([2, 0, 1])))
    assert first.languages.tolist() == second.languages.tolist() == ["en", "en", "zh"]
    assert first.predicted.tolist() == second.predicted.tolist()


def test_matched_refuses_other_examples(predictions):
    message = "of 3 of the first and 2 of the second, 2 are the same language and row"
    with pytest.raises(UserError, match=message):
        matched(predictions, predictions.take(np.array([0, 1])))
    moved = replace(predictions, rows=predictions.rows + 1)
    with pytest.raises(UserError, match="of 3 of the first and 3 of the second, 0 are the same"):
        matched(predictions, moved)
    relabelled = replace(predictions, labels=np.array([0, 2, 1]))
    with pytest.raises(UserError, match="gold labels of 2 of 3 examples differ"):
        matched(predictions, relabelled)


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
