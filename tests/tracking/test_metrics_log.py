import json

import numpy as np
import pytest

from infoxlm.errors import UserError
from infoxlm.tracking.metrics_log import MetricsLog, read_metrics


def test_each_line_is_on_disk_at_once(tmp_path):
    file = tmp_path / "run" / "metrics.jsonl"
    with MetricsLog(file) as log:
        log.write(1, {"train/loss": np.float32(0.5), "dev": {"accuracy": {"en": 0.25}}})
        assert read_metrics(file) == [
            {"step": 1, "train/loss": 0.5, "dev": {"accuracy": {"en": 0.25}}}
        ]
        log.write(2, {"train/loss": float("nan"), "note": "ß"})
    assert json.loads(file.read_text().splitlines()[1]) == {
        "step": 2,
        "train/loss": None,
        "note": "ß",
    }


def test_resume_drops_later_steps(tmp_path, caplog):
    file = tmp_path / "metrics.jsonl"
    with MetricsLog(file) as log:
        for step in range(1, 6):
            log.write(step, {"loss": 1 / step})
    with file.open("a") as lines:
        lines.write('{"step": 6, "lo')
    with MetricsLog(file, resume_step=3) as log:
        log.write(4, {"loss": 9.0})
    assert [(record["step"], record["loss"]) for record in read_metrics(file)] == [
        (1, 1.0), (2, 0.5), (3, 1 / 3), (4, 9.0),
    ]  # fmt: skip
    assert "ends in half a line" in caplog.text


def test_appends_by_default(tmp_path):
    file = tmp_path / "metrics.jsonl"
    for step in (1, 2):
        with MetricsLog(file) as log:
            log.write(step, {})
    assert [record["step"] for record in read_metrics(file)] == [1, 2]


@pytest.mark.parametrize("bad", ["{", "[1]", "7", '{"loss": 1}', '{"step": "1"}'])
def test_bad_line_is_named(tmp_path, bad):
    file = tmp_path / "metrics.jsonl"
    file.write_text('{"step": 1}\n' + bad + '\n{"step": 3}\n')
    with pytest.raises(UserError, match=r"metrics\.jsonl line 2"):
        read_metrics(file)


def test_missing_file(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        read_metrics(tmp_path / "metrics.jsonl")
