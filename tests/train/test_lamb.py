"""LAMB against algorithm 2 of You et al. 2020 (https://arxiv.org/abs/1904.00962) in NumPy."""

import numpy as np
import paddle
import pytest

from infoxlm.train.lamb import Lamb
from infoxlm.train.optimizer_setup import OptimizerSetup

RATE, BETAS, EPSILON = 0.02, (0.8, 0.9), 1e-6


def parameter_of(values, name=None):
    parameter = paddle.create_parameter(list(values.shape), str(values.dtype), name=name)
    parameter.set_value(values)
    return parameter


def build(parameters, decay, decays=lambda name: True):
    schedule = paddle.optimizer.lr.LambdaDecay(RATE, lambda step: 1 / (1 + step))
    beta1, beta2 = BETAS
    options = {"beta1": beta1, "beta2": beta2, "epsilon": EPSILON}
    return Lamb(OptimizerSetup(schedule, parameters, decay, 10, decays), **options), schedule


def algorithm_2(weights, gradients, decay, *, scaled=True):
    """The paper's steps, the scaling function being the identity."""
    x, m, v = weights.astype(np.float64), 0.0, 0.0
    for t, g in enumerate(gradients, 1):
        m = BETAS[0] * m + (1 - BETAS[0]) * g
        v = BETAS[1] * v + (1 - BETAS[1]) * g**2
        r = (m / (1 - BETAS[0] ** t)) / (np.sqrt(v / (1 - BETAS[1] ** t)) + EPSILON) + decay * x
        ratio = np.linalg.norm(x) / np.linalg.norm(r) if scaled else 1.0
        x = x - RATE / t * ratio * r
    return x


@pytest.mark.parametrize("decay", [0.0, 0.01, 0.5])
@pytest.mark.parametrize("shape", [(5, 3), (7,)])
def test_steps_match_the_paper(shape, decay):
    rng = np.random.default_rng(0)
    weights, gradients = rng.normal(size=shape), rng.normal(size=(6, *shape))
    parameter = parameter_of(weights)
    optimizer, schedule = build([parameter], decay)
    for gradient in gradients:
        parameter.grad = paddle.to_tensor(gradient)
        optimizer.step()
        schedule.step()
    expected = algorithm_2(weights, gradients, decay)
    np.testing.assert_allclose(parameter.numpy(), expected, rtol=1e-12, atol=1e-14)
    assert optimizer.applied_decay == optimizer.undecayed == 0


def test_what_does_not_decay_is_not_scaled():
    rng = np.random.default_rng(1)
    weights, gradient = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
    parameter = parameter_of(weights)
    optimizer, _ = build([parameter], 0.1, lambda name: name != parameter.name)
    parameter.grad = paddle.to_tensor(gradient)
    optimizer.step()
    expected = algorithm_2(weights, [gradient], 0.0, scaled=False)
    np.testing.assert_allclose(parameter.numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize(("weight", "gradient"), [(0.0, 1.0), (1.0, 0.0)])
def test_a_norm_of_zero_scales_nothing(weight, gradient):
    parameter = parameter_of(np.full((2, 2), weight))
    optimizer, _ = build([parameter], 0.0)
    parameter.grad = paddle.full([2, 2], gradient, "float64")
    optimizer.step()
    expected = weight - RATE * gradient / (gradient + EPSILON)
    np.testing.assert_allclose(parameter.numpy(), np.full((2, 2), expected), rtol=1e-12)


def test_a_step_that_overflowed_changes_nothing():
    parameter = parameter_of(np.ones((2, 2)))
    optimizer, _ = build([parameter], 0.1)
    parameter.grad = paddle.full([2, 2], float("inf"), "float64")
    optimizer._set_auxiliary_var("found_inf", paddle.to_tensor([True]))
    optimizer.step()
    np.testing.assert_array_equal(parameter.numpy(), np.ones((2, 2)))
    assert optimizer.state_dict() == {}
