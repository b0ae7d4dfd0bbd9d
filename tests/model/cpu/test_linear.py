import paddle
import paddle.nn.functional as F
import pytest

from infoxlm.model.cpu import linear


@pytest.mark.parametrize("shape", [(5, 8), (3, 4, 8), (2, 1, 8)])
def test_same_as_paddle(assert_same, shape):
    assert_same(linear, F.linear, shape, (8, 6), (6,))


def test_gradients_add_up():
    x, weight, bias = paddle.randn([4, 8]), paddle.randn([8, 6]), paddle.randn([6])
    for tensor in (weight, bias):
        tensor.stop_gradient = False
    for _ in range(3):
        linear(x, weight, bias).sum().backward()
    assert x.grad is None
    assert bias.grad.tolist() == [12.0] * 6
    expected = 3 * x.sum(0).unsqueeze(1).expand([8, 6])
    assert bool(paddle.allclose(weight.grad, expected, atol=1e-5))
