import math

import paddle
import paddle.nn.functional as F
import pytest

from infoxlm.model.cpu import gelu

pytestmark = pytest.mark.usefixtures("kernels")


@pytest.mark.parametrize("shape", [(7,), (3, 50), (4, 9, 5000)])
def test_same_as_paddle(assert_same, shape):
    assert_same(gelu, F.gelu, shape)


def test_far_from_zero():
    x = paddle.to_tensor([-200.0, -8.0, 0.0, 8.0, 200.0], stop_gradient=False)
    out = gelu(x)
    assert out.tolist() == pytest.approx([0, 0, 0, 8, 200], abs=1e-6)
    (slope,) = paddle.grad(out.sum(), [x])
    assert slope.tolist() == pytest.approx([0, 0, 0.5, 1, 1], abs=1e-6)
    assert float(gelu(paddle.ones([1]))) == pytest.approx((1 + math.erf(math.sqrt(0.5))) / 2)
