import time

import pytest

from infoxlm.tracking.timings import Timings, seconds_since_start


def test_parts_add_up(monkeypatch):
    clock = iter([0.0, 2.0, 10.0, 11.5, 20.0, 24.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    parts = Timings()
    for part in ("loading", "scoring"):
        with parts.measure(part):
            pass
    with pytest.raises(ZeroDivisionError), parts.measure("loading"):
        raise ZeroDivisionError
    assert parts.seconds == {"loading": 6.0, "scoring": 1.5}


def test_only_the_first_time_is_noted(monkeypatch):
    parts = Timings()
    before = seconds_since_start()
    parts.record_once("until_first_step")
    noted = parts.seconds["until_first_step"]
    assert before <= noted <= seconds_since_start()
    monkeypatch.setattr("infoxlm.tracking.timings.seconds_since_start", lambda: 1e9)
    parts.record_once("until_first_step")
    assert parts.seconds["until_first_step"] == noted
