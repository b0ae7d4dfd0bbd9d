import json
import time
from itertools import count

import numpy as np
import pytest

from infoxlm.errors import UserError
from infoxlm.tracking.metrics_log import MetricsLog, read_metrics


@pytest.fixture
def clock(monkeypatch):
    """Each look at the clock is a second and a bit after the one before."""
    seconds = count(1_800_000_000, 1.0004)
    monkeypatch.setattr(time, "time", lambda: next(seconds))


def test_each_line_is_on_disk_at_once(clock, tmp_path):
    file = tmp_path / "run" / "metrics.jsonl"
    with MetricsLog(file) as log:
        log.write(1, {"train/loss": np.float32(0.5), "dev": {"accuracy": {"en": 0.25}}})
        assert read_metrics(file) == [
            {
                "step": 1,
                "time": 1_800_000_000.0,
                "train/loss": 0.5,
                "dev": {"accuracy": {"en": 0.25}},
            }
        ]
        log.write(2, {"train/loss": float("nan"), "note": "ß"})
    assert json.loads(file.read_text().splitlines()[1]) == {
        "step": 2,
        "time": 1_800_000_001.0,
        "train/loss": None,
        "note": "ß",
    }


def test_a_run_that_goes_on_begins_with_what_was_logged(clock, tmp_path):
    file = tmp_path / "metrics.jsonl"
    with MetricsLog(file) as log:
        for step in range(1, 6):
            log.write(step, {"loss": 1 / step, "norm": np.inf})
    before = file.read_bytes()
    logged = read_metrics(file)[:3]
    with MetricsLog(file, logged) as log:
        assert before.startswith(file.read_bytes())
        log.write(4, {"loss": 9.0})
    lines = read_metrics(file)
    assert lines[:3] == logged
    assert lines[3:] == [{"step": 4, "time": lines[3]["time"], "loss": 9.0}]
    assert [line["time"] for line in lines] == sorted(line["time"] for line in lines)


def test_a_new_run_begins_with_nothing(tmp_path):
    file = tmp_path / "metrics.jsonl"
    for step in (1, 2):
        with MetricsLog(file) as log:
            log.write(step, {})
    assert [record["step"] for record in read_metrics(file)] == [2]


def test_half_a_line_is_left_out(tmp_path, caplog):
    file = tmp_path / "metrics.jsonl"
    file.write_text('{"step": 1}\n{"step": 2}\n{"step": 3, "lo')
    assert [record["step"] for record in read_metrics(file)] == [1, 2]
    assert "ends in half a line" in caplog.text


@pytest.mark.parametrize("bad", ["{", "[1]", "7", '{"loss": 1}', '{"step": "1"}'])
def test_bad_line_is_named(tmp_path, bad):
    file = tmp_path / "metrics.jsonl"
    file.write_text('{"step": 1}\n' + bad + '\n{"step": 3}\n')
    with pytest.raises(UserError, match=r"metrics\.jsonl cannot be read: line 2"):
        read_metrics(file)


def test_missing_file(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        read_metrics(tmp_path / "metrics.jsonl")
