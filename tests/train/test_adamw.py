"""AdamW's decay, against what was asked for, Paddle's own class and float64."""

import math

import numpy as np
import paddle
import pytest

from infoxlm.schema import OptimizerConfig, SchedulerConfig
from infoxlm.train.adamw import AdamW
from infoxlm.train.optimization import build_learning_rate
from infoxlm.train.optimizer_setup import OptimizerSetup
from infoxlm.train.weight_decay import PORTION

OPTIONS = {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}


def weights(shape=(64, 32), spread=0.05):
    return np.random.default_rng(0).normal(0, spread, shape).astype(np.float32)


def parameter_of(values):
    parameter = paddle.create_parameter(values.shape, "float32")
    parameter.set_value(values)
    return parameter


def schedule_of(kind, peak, steps):
    return build_learning_rate(OptimizerConfig("adamw", peak), SchedulerConfig(kind), steps)


def ours(parameter, schedule, decay, steps):
    return AdamW(OptimizerSetup(schedule, [parameter], decay, steps, lambda name: True), **OPTIONS)


def paddles(parameter, schedule, decay):
    return paddle.optimizer.AdamW(schedule, parameters=[parameter], weight_decay=decay, **OPTIONS)


def take(optimizer, schedule, parameter, gradients):
    """Take a step a gradient; gives the sum of their learning rates."""
    rates = 0.0
    for gradient in gradients:
        parameter.grad = gradient
        rates += optimizer.get_lr()
        optimizer.step()
        schedule.step()
    return rates


@pytest.mark.parametrize("peak", [1e-6, 2e-6, 3e-6, 7e-6, 2e-5, 1e-4])
@pytest.mark.parametrize("kind", ["constant", "linear"])
def test_what_is_asked_for_is_applied(kind, peak):
    steps, decay = 2000, 0.01
    before, schedule = weights(), schedule_of(kind, peak, steps)
    parameter = parameter_of(before)
    optimizer = ours(parameter, schedule, decay, steps)
    rates = take(optimizer, schedule, parameter, [paddle.zeros(before.shape)] * steps)
    after = parameter.numpy().astype(np.float64)
    applied = -math.log(np.abs(after).sum() / np.abs(before.astype(np.float64)).sum())
    assert applied / (rates * decay) == pytest.approx(1, abs=0.01)
    each = -np.log(after / before) / (rates * decay)  # a single weight is rounded, but not lost
    assert 0.9 < each.min() < each.max() < 1.1
    assert optimizer.undecayed == 0


@pytest.mark.parametrize(("peak", "decay"), [(1e-3, 0.0), (1e-3, 0.01), (2e-2, 0.1)])
def test_where_nothing_is_lost_each_step_is_paddle_s(peak, decay):
    assert decay == 0 or peak * decay > PORTION
    gradients = np.random.default_rng(1).normal(size=(30, 64, 32)).astype(np.float32)
    found = []
    for make in (lambda *x: ours(*x, 30), paddles):
        parameter, schedule = parameter_of(weights()), schedule_of("constant", peak, 30)
        optimizer = make(parameter, schedule, decay)
        take(optimizer, schedule, parameter, map(paddle.to_tensor, gradients))
        found.append(parameter.numpy())
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize(("peak", "decay"), [(2e-6, 0.01), (5e-6, 0.01), (2e-5, 0.1)])
def test_with_gradients_it_follows_float64(peak, decay):
    """The mean over many weights, whose roundings cancel, and the farthest one."""
    steps, before = 400, weights((256, 64))
    schedule, parameter = schedule_of("linear", peak, steps), parameter_of(before)
    optimizer = ours(parameter, schedule, decay, steps)
    exact = before.astype(np.float64)
    undecayed = exact.copy()
    first, second = np.zeros_like(exact), np.zeros_like(exact)
    rng = np.random.default_rng(2)
    for step in range(1, steps + 1):
        gradient = rng.normal(0.1, 1, exact.shape).astype(np.float32)
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient.astype(np.float64) ** 2
        rate = optimizer.get_lr()
        move = rate * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
        exact = exact * (1 - rate * decay) - move
        undecayed = undecayed - move
        take(optimizer, schedule, parameter, [paddle.to_tensor(gradient)])
    got = parameter.numpy().astype(np.float64)
    ulp = np.spacing(np.abs(before).max())
    assert np.abs(got - exact).max() < 2 * PORTION * np.abs(before).max() + math.sqrt(steps) * ulp
    # What decay took from the weights, in the direction of each: 0 without it, 1 as asked.
    asked = (undecayed - exact).ravel()
    share = (undecayed - got).ravel() @ asked / (asked @ asked)
    assert share == pytest.approx(1, abs=0.02)


def test_going_on_needs_the_sum_that_is_owed():
    steps, decay, peak = 200, 0.01, 2e-5
    rng = np.random.default_rng(3)
    gradients = [paddle.to_tensor(rng.normal(size=(64, 32)).astype(np.float32)) for _ in range(40)]

    def train(owed):
        schedule, parameter = schedule_of("constant", peak, steps), parameter_of(weights())
        optimizer = ours(parameter, schedule, decay, steps)
        optimizer.undecayed = owed
        take(optimizer, schedule, parameter, gradients)
        return parameter.numpy(), optimizer.undecayed

    alone, owed = train(0.0)
    assert 0 < owed * decay < PORTION
    assert (train(owed)[0] != alone).any()


def test_a_step_that_overflowed_is_none():
    """As Paddle's loss scaling takes it: with what it found, and step() all the same."""
    found = []
    for overflowed in ((), (3, 7, 8)):
        schedule, parameter = schedule_of("constant", 2e-5, 100), parameter_of(weights())
        optimizer = ours(parameter, schedule, 0.1, 100)
        for step in range(10 + len(overflowed)):
            optimizer._set_auxiliary_var("found_inf", paddle.to_tensor(step in overflowed))
            take(optimizer, schedule, parameter, [paddle.full([64, 32], 0.5)])
        found.append((parameter.numpy().tobytes(), optimizer.undecayed))
    assert found[0] == found[1]


def test_the_rate_may_be_zero_while_warming_up():
    config = SchedulerConfig("linear", warmup_ratio=0.5)
    schedule = build_learning_rate(OptimizerConfig("adamw", 1e-3), config, 4)
    parameter = parameter_of(weights())
    optimizer = ours(parameter, schedule, 0.5, 4)
    take(optimizer, schedule, parameter, [paddle.zeros([64, 32])])
    np.testing.assert_array_equal(parameter.numpy(), weights())
    take(optimizer, schedule, parameter, [paddle.zeros([64, 32])] * 3)
    factor = (1 - 0.5 * 5e-4) * (1 - 0.5 * 1e-3) * (1 - 0.5 * 5e-4)
    np.testing.assert_allclose(parameter.numpy(), weights() * factor, rtol=1e-6)
