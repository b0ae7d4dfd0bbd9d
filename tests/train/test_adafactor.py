"""Adafactor against transformers', step by step in float64; and what is ours."""

import numpy as np
import paddle
import pytest

from infoxlm.train.adafactor import Adafactor
from infoxlm.train.optimizer_setup import OptimizerSetup

STEPS, PEAK = 6, 0.02


def rate(step):
    return 1 - step / (2 * STEPS)


def build(parameters, decay=0.0, decays=lambda name: True, steps=STEPS, peak=PEAK, **options):
    schedule = paddle.optimizer.lr.LambdaDecay(peak, rate)
    return Adafactor(
        OptimizerSetup(schedule, parameters, decay, steps, decays), **options
    ), schedule


def parameter_of(values):
    parameter = paddle.create_parameter(list(values.shape), str(values.dtype))
    parameter.set_value(values)
    return parameter


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize(
    ("options", "theirs"),
    [
        ({}, {}),
        ({"beta1": 0.9}, {"beta1": 0.9}),
        ({"clip_threshold": 0.3}, {"clip_threshold": 0.3}),
        ({"clip_threshold": 0.0}, {"clip_threshold": 1e9}),
        ({"decay_exponent": 0.5, "epsilon": 1e-3}, {"decay_rate": -0.5, "eps": (1e-3, 1e-3)}),
        ({"smallest_scale": 1e-3}, {"scale_parameter": True}),
        ({"smallest_scale": 5.0}, {"scale_parameter": True, "eps": (1e-30, 5.0)}),
    ],
)
@pytest.mark.parametrize("shape", [(5, 3), (7,), (2, 4, 3)])
def test_steps_match_transformers(shape, options, theirs, decay):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    rng = np.random.default_rng(0)
    weights = rng.normal(size=shape)
    parameter, other = parameter_of(weights), torch.nn.Parameter(torch.tensor(weights))
    optimizer, schedule = build([parameter], decay, **options)
    defaults = {"scale_parameter": False, "relative_step": False, "weight_decay": decay}
    reference = transformers.Adafactor([other], lr=PEAK, **defaults | theirs)
    for step in range(STEPS):
        gradient = rng.normal(size=shape) * 10 ** rng.uniform(-3, 1)
        parameter.grad, other.grad = paddle.to_tensor(gradient), torch.tensor(gradient)
        reference.param_groups[0]["lr"] = PEAK * rate(step)
        optimizer.step()
        reference.step()
        schedule.step()
        np.testing.assert_allclose(
            parameter.numpy(), other.detach().numpy(), rtol=1e-12, atol=1e-14
        )
    assert np.abs(parameter.numpy() - weights).max() > 1e-3


def test_first_step_by_hand():
    # The mean squares are those of the first step alone.
    weights, gradient = np.ones((2, 2)), np.array([[1.0, 0.0], [0.0, 2.0]])
    parameter = parameter_of(weights)
    optimizer, _ = build([parameter], clip_threshold=0.0)
    parameter.grad = paddle.to_tensor(gradient)
    optimizer.step()
    row, column = np.array([0.5, 2.0]), np.array([0.5, 2.0])
    square = np.outer(row / row.mean(), column)
    expected = weights - PEAK * gradient / np.sqrt(square)
    np.testing.assert_allclose(parameter.numpy(), expected, rtol=1e-12)


def test_a_matrix_costs_a_row_and_a_column():
    parameter, bias = parameter_of(np.ones((50, 20))), parameter_of(np.ones(20))
    optimizer, _ = build([parameter, bias])
    for each in (parameter, bias):
        each.grad = paddle.ones_like(each)
    optimizer.step()
    assert sum(tensor.size for tensor in optimizer.state_dict().values()) == 50 + 20 + 20 + 2


def test_decay_is_applied_where_float32_would_round_it_away():
    rng = np.random.default_rng(2)
    weights, decay, steps = rng.uniform(0.5, 2, (30, 20)).astype(np.float32), 0.01, 400
    parameter = parameter_of(weights)
    optimizer, _ = build([parameter], decay, steps=steps, peak=1e-6)
    for _ in range(steps):
        parameter.grad = paddle.zeros_like(parameter)
        optimizer.step()
    optimizer._learning_rate.last_epoch = steps - 1
    parameter.grad = paddle.zeros_like(parameter)
    optimizer.step()
    lost = 1 - (parameter.numpy().astype(np.float64) / weights).mean()
    assert lost == pytest.approx((steps + 1) * 1e-6 * decay, rel=0.05)


def test_only_what_decays_decays():
    parameter = parameter_of(np.ones((3, 3)))
    optimizer, _ = build([parameter], 0.5, lambda name: name != parameter.name)
    parameter.grad = paddle.zeros_like(parameter)
    optimizer.step()
    np.testing.assert_array_equal(parameter.numpy(), np.ones((3, 3)))
