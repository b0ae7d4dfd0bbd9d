import paddle

from infoxlm.train import machine_speed
from infoxlm.train.machine_speed import MachineSpeed


def test_measures_now_and_then_and_leaves_the_generator_alone(monkeypatch):
    monkeypatch.setattr(machine_speed, "SIZE", 256)
    speed = MachineSpeed("cpu")
    assert speed.median is None
    paddle.seed(3)
    expected = paddle.rand([2]).tolist()
    paddle.seed(3)
    speed.measure_now_and_then()
    assert paddle.rand([2]).tolist() == expected
    first = speed.median
    assert 1e8 < first < 1e13
    speed.measure_now_and_then()  # too soon
    assert speed.median == first
    monkeypatch.setattr(speed, "_next", 0.0)
    speed.measure_now_and_then()
    assert len(speed._found) == 2


def test_nothing_is_measured_on_gpus():
    speed = MachineSpeed("gpu:0")
    speed.measure_now_and_then()
    assert speed.median is None
