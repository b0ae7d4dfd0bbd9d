import paddle
import paddle.nn.functional as F
import pytest

from infoxlm.model.cpu import linear


@pytest.mark.parametrize("shape", [(5, 8), (3, 4, 8), (2, 1, 8)])
def test_same_as_paddle(assert_same, shape):
    assert_same(linear, F.linear, shape, (8, 6), (6,))


@pytest.mark.parametrize("x_learns", [True, False])
def test_gradients_add_up(kernels, x_learns):
    """Also where nothing before the layer is learned, and Paddle adds."""
    x, weight, bias = paddle.randn([4, 8]), paddle.randn([8, 6]), paddle.randn([6])
    x.stop_gradient = not x_learns
    for tensor in (weight, bias):
        tensor.stop_gradient = False
    for _ in range(3):
        linear(x, weight, bias).sum().backward()
    assert (x.grad is not None) == x_learns
    assert bias.grad.tolist() == [12.0] * 6
    expected = 3 * x.sum(0).unsqueeze(1).expand([8, 6])
    assert bool(paddle.allclose(weight.grad, expected, atol=1e-5))


@pytest.mark.parametrize("frozen", ["weight", "bias", "both"])
def test_frozen_parameters_have_no_gradient(kernels, frozen):
    x = paddle.randn([4, 8])
    x.stop_gradient = False
    parameters = {"weight": paddle.randn([8, 6]), "bias": paddle.randn([6])}
    for name, tensor in parameters.items():
        tensor.stop_gradient = frozen in (name, "both")
    linear(x, *parameters.values()).sum().backward()
    for tensor in parameters.values():
        assert (tensor.grad is None) == tensor.stop_gradient
    assert x.grad.shape == [4, 8]
