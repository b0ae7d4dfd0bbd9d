import numpy as np
import paddle
import paddle.nn.functional as F
import pytest

from infoxlm.model.cpu import residual_norm

pytestmark = pytest.mark.usefixtures("kernels")


def ours(states, residual, weight, bias, dropout=0.0):
    return residual_norm(states, residual, weight, bias, epsilon=1e-5, dropout=dropout)


def theirs(states, residual, weight, bias):
    return F.layer_norm(states + residual, weight.shape, weight, bias, 1e-5)


@pytest.mark.parametrize("shape", [(5, 16), (3, 1, 16), (40, 50, 128)])
def test_same_as_paddle(assert_same, shape):
    assert_same(ours, theirs, shape, shape, shape[-1:], shape[-1:])


def test_the_two_gradients_do_not_share_memory():
    inputs = [paddle.randn([4, 8]), paddle.randn([4, 8]), paddle.ones([8]), paddle.zeros([8])]
    for tensor in inputs:
        tensor.stop_gradient = False
    of_states, of_residual, *_ = paddle.grad((ours(*inputs) ** 3).sum(), inputs)
    np.testing.assert_array_equal(of_states.numpy(), of_residual.numpy())
    of_residual.scale_(0.0)
    assert float(of_states.abs().sum()) > 0


def test_dropout_reaches_the_states_and_not_the_residual():
    shape = [300, 1000]
    one, zero = paddle.ones([shape[1]]), paddle.zeros([shape[1]])
    states, residual = paddle.ones(shape), paddle.zeros(shape)
    states.stop_gradient = residual.stop_gradient = False
    out = ours(states, residual, one, zero, dropout=0.25)
    dropped = (out < 0).astype("float64")
    assert float(dropped.mean()) == pytest.approx(0.25, abs=0.003)
    of_states, of_residual = paddle.grad((out**3).sum(), [states, residual])
    np.testing.assert_array_equal(of_states.numpy() == 0, out.numpy() < 0)
    assert bool((of_residual != 0).all())
    np.testing.assert_allclose(of_states, of_residual * (1 - dropped) / 0.75, rtol=2e-5, atol=1e-6)
