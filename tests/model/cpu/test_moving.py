import numpy as np
import paddle
import pytest

from infoxlm.model.cpu import move_towards


@pytest.mark.parametrize("shape", [(3,), (5, 7), (1, 40_000), (3, 32_768)])
@pytest.mark.parametrize("share", [0, 0.25, 1.0])
def test_moves_a_share_of_the_way(kernels, shape, share):
    copy, source = paddle.randn(shape), paddle.randn(shape)
    expected = copy.numpy() + (source.numpy() - copy.numpy()) * np.float32(share)
    place = copy.data_ptr()
    move_towards(copy, source, share)
    np.testing.assert_allclose(copy.numpy(), expected, rtol=0, atol=1e-6)
    assert copy.data_ptr() == place
