import numpy as np
import paddle
import pytest

from infoxlm.model.cpu.gradients import add_product, sum_of_rows


@pytest.mark.parametrize("rows", [1, 7, 300])
def test_products_are_added_where_the_gradient_is(kernels, rows):
    rng = np.random.default_rng(rows)
    left, right = (rng.normal(size=(rows, width)).astype(np.float32) for width in (5, 9))
    parameter = paddle.zeros([5, 9])
    add_product(parameter, paddle.to_tensor(left), paddle.to_tensor(right))
    first = parameter.grad
    place = first.data_ptr()
    add_product(parameter, paddle.to_tensor(2 * left), paddle.to_tensor(right))
    np.testing.assert_allclose(parameter.grad.numpy(), 3 * left.T @ right, rtol=1e-5, atol=1e-4)
    assert parameter.grad.data_ptr() == place


def test_sum_of_rows():
    assert sum_of_rows(paddle.to_tensor([[1.0, 2.0], [3.0, 4.0]])).tolist() == [4.0, 6.0]
