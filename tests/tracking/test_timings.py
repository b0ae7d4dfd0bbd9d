import time

import pytest

from infoxlm.tracking.timings import Timings, seconds_since_start


def test_timings_add_up(monkeypatch):
    clock = iter([0.0, 2.0, 10.0, 11.5, 20.0, 24.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    timings = Timings()
    for section in ("loading", "scoring"):
        with timings.measure(section):
            pass
    with pytest.raises(ZeroDivisionError), timings.measure("loading"):
        raise ZeroDivisionError
    assert timings.seconds == {"loading": 6.0, "scoring": 1.5}


def test_only_the_first_time_is_noted(monkeypatch):
    timings = Timings()
    before = seconds_since_start()
    timings.record_once("until_first_step")
    noted = timings.seconds["until_first_step"]
    assert before <= noted <= seconds_since_start()
    monkeypatch.setattr("infoxlm.tracking.timings.seconds_since_start", lambda: 1e9)
    timings.record_once("until_first_step")
    assert timings.seconds["until_first_step"] == noted
