import json
from contextlib import nullcontext

import numpy as np
import paddle
import pytest

from infoxlm.errors import UserError
from infoxlm.model.cpu import Narrowed, in_bf16
from infoxlm.model.cpu.bf16.weights import weight_in_bf16
from infoxlm.model.precision import Precision
from infoxlm.schema import Amp


@pytest.mark.usefixtures("bf16_machine")
def test_on_a_cpu_bf16_is_the_encoders_own():
    precision = Precision(Amp.bf16)
    assert not in_bf16()
    with precision.autocast():
        assert in_bf16()
    assert not in_bf16()
    with Precision().autocast():
        assert not in_bf16()


def test_a_cpu_without_bf16_is_refused_at_once(monkeypatch):
    def refuse():
        raise UserError("no bf16", "None.")

    monkeypatch.setattr("infoxlm.model.cpu.bf16_library", refuse)
    with pytest.raises(UserError, match="no bf16"):
        Precision(Amp.bf16)


@pytest.mark.usefixtures("bf16_machine")
def test_narrowed_weights_are_kept_as_long_as_they_stay_the_same(monkeypatch):
    given = []
    monkeypatch.setattr(
        "infoxlm.model.cpu.bf16_products", lambda kept: given.append(kept) or nullcontext()
    )
    precision = Precision(Amp.bf16)
    with precision.autocast():
        pass
    with precision.constant_weights():
        for _ in range(2):
            with precision.autocast():
                pass
    with precision.constant_weights(), precision.autocast():
        pass
    with precision.autocast():
        pass
    with Precision(Amp.bf16, constant=True).autocast():
        pass
    kept = given[1]
    assert given[:5] == [None, kept, kept, kept, None]
    assert isinstance(kept, Narrowed)
    assert isinstance(given[5], Narrowed)
    assert given[5] is not kept


@pytest.mark.usefixtures("bf16_machine")
def test_weights_are_narrowed_anew_where_they_may_have_changed():
    weight = paddle.ones([2, 2])
    found = []
    for precision in (Precision(Amp.bf16), Precision(Amp.bf16, constant=True)):
        for value in (1.0, 2.0):
            weight.set_value(paddle.full([2, 2], value))
            with precision.constant_weights(), precision.autocast():
                found.append(float(weight_in_bf16(weight).widened().mean()))
    assert found == [1.0, 2.0, 1.0, 1.0]


def test_without_it_everything_is_as_if_it_were_not_there():
    layer = paddle.nn.Linear(3, 3)
    batch = paddle.ones([2, 3])
    precision = Precision()
    with precision.autocast():
        output = layer(batch)
    np.testing.assert_array_equal(output.numpy(), layer(batch).numpy())
    assert output.dtype == paddle.float32
    loss = output.sum()
    assert float(precision.scaler.scale(loss)) == float(loss)
    loss.backward()
    before, gradient = layer.weight.numpy(), layer.weight.grad.numpy()
    precision.step(paddle.optimizer.SGD(0.5, parameters=layer.parameters()))
    np.testing.assert_allclose(layer.weight.numpy(), before - 0.5 * gradient, rtol=1e-6)


class FakeScaler:
    """The state of ``paddle.amp.GradScaler`` as it is on a GPU, where alone it has one."""

    def __init__(self, scale=65536.0, incr_count=0):
        self.state = {
            "scale": np.array([scale], np.float32),
            "incr_ratio": 2.0,
            "decr_ratio": 0.5,
            "incr_every_n_steps": 2000,
            "decr_every_n_nan_or_inf": 1,
            "incr_count": incr_count,
            "decr_count": 0,
            "use_dynamic_loss_scaling": True,
        }

    def state_dict(self):
        return dict(self.state)

    def load_state_dict(self, state):
        scale = state["scale"][0]  # as Paddle takes it
        self.state = {**state, "scale": np.array([scale]).astype(np.float32)}

    def step(self, optimizer):
        if self.overflows:
            return
        optimizer.step()

    def update(self):
        if self.overflows:
            self.state["scale"] = self.state["scale"] * np.float32(0.5)
        else:
            self.state["incr_count"] += 1


def scaled(**state):
    precision = Precision()
    precision.amp, precision.scaler = Amp.fp16, FakeScaler(**state)
    return precision


@pytest.mark.parametrize("scale", [65536.0, 2.0**-20, 3.0e38, 12345.678])
def test_the_loss_scale_survives_json(scale):
    before = scaled(scale=scale, incr_count=1234)
    text = json.dumps(before.state())
    after = scaled()
    after.restore(json.loads(text))
    assert after.state() == before.state()
    assert after.scaler.state["scale"].dtype == np.float32
    assert after.scaler.state["scale"] == before.scaler.state["scale"]
    assert after.scaler.state["incr_count"] == 1234


def test_without_loss_scaling_there_is_no_state():
    precision = Precision()
    assert json.loads(json.dumps(precision.state())) == {}
    precision.restore({})
    half = scaled(scale=8.0)
    half.restore({})  # of a checkpoint that was written without it
    assert half.state()["scale"] == 8.0


@pytest.mark.parametrize("overflows", [False, True])
def test_a_step_that_overflowed_is_told(overflows):
    layer = paddle.nn.Linear(3, 3)
    layer(paddle.ones([2, 3])).sum().backward()
    before = layer.weight.numpy()
    precision = scaled(scale=64.0)
    precision.scaler.overflows = overflows
    taken = precision.step(paddle.optimizer.SGD(0.5, parameters=layer.parameters()))
    assert taken == (not overflows)
    assert (layer.weight.numpy() == before).all() == overflows
    assert precision.state()["scale"] == (32.0 if overflows else 64.0)
