import time

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
