import time

import pytest

from infoxlm.train.throughput import Throughput


def test_only_measured_time_counts(monkeypatch):
    clock = iter([0.0, 2.0, 100.0, 101.0, 200.0, 204.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    speed = Throughput()
    for pairs in (10, 20):
        with speed.measure(pairs):
            pass
    assert speed.since_last_asked() == 10.0
    with speed.measure(8):
        pass
    assert speed.since_last_asked() == 2.0
    assert (speed.pairs, speed.seconds) == (38, 7.0)


def test_a_run_that_goes_on_adds_to_what_was_before(monkeypatch):
    clock = iter([5.0, 7.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    speed = Throughput(pairs=1000, seconds=0.5)
    with speed.measure(10):
        pass
    assert (speed.pairs, speed.seconds) == (1010, 2.5)
    assert speed.since_last_asked() == 5.0  # what was before has been told before


def test_work_that_fails_does_not_count():
    speed = Throughput()
    with pytest.raises(ZeroDivisionError), speed.measure(10):
        raise ZeroDivisionError
    assert (speed.pairs, speed.seconds) == (0, 0.0)
