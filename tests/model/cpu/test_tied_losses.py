import numpy as np
import paddle
import pytest

from infoxlm.model import cpu
from infoxlm.model.cpu.tied_losses import _spare

pytestmark = pytest.mark.usefixtures("kernels")


@pytest.mark.parametrize(("rows", "classes"), [(1, 3), (7, 50), (5, 9000)])
def test_same_as_paddle_with_all_gradients(tied_losses_beside_paddles, rows, classes):
    for one, other in tied_losses_beside_paddles(rows, classes, width=8):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=2e-6)


def test_no_rows():
    x = paddle.zeros([0, 8])
    x.stop_gradient = False
    table, bias = paddle.randn([5, 8]), paddle.zeros([5])
    table.stop_gradient = False
    losses = cpu.tied_losses(x, table, bias, paddle.zeros([0], "int64"))
    losses.sum().backward()
    assert losses.shape == [0]
    assert table.grad is None or not table.grad.any()


def test_scores_far_apart_and_not_finite():
    x = paddle.to_tensor([[1.0], [1.0], [float("nan")]])
    x.stop_gradient = False
    table = paddle.to_tensor([[0.0], [-500.0], [-float("inf")]])
    table.stop_gradient = False
    losses = cpu.tied_losses(x, table, paddle.zeros([3]), paddle.to_tensor([1, 0, 0]))
    assert losses[:2].tolist() == [500.0, 0.0]
    assert np.isnan(float(losses[2]))


def test_two_losses_before_a_backward_pass_have_scores_of_their_own(paddles_tied_losses):
    table, bias = paddle.randn([40, 8]), paddle.randn([40])
    labels = paddle.to_tensor([3, 5])
    inputs = [paddle.randn([2, 8]) for _ in range(2)]
    gradients = []
    for compute in (cpu.tied_losses, paddles_tied_losses):
        table.stop_gradient = False
        table.clear_gradient(False)
        for x in inputs:
            x.stop_gradient = False
            x.clear_gradient(False)
        first, second = (compute(x, table, bias, labels) for x in inputs)
        (first.sum() + 3 * second.sum()).backward()
        gradients.append([table.grad.numpy(), *(x.grad.numpy() for x in inputs)])
    for one, other in zip(*gradients, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_scores_are_kept_once(kernels):
    _spare.free.clear()
    x, table, bias = paddle.randn([4, 8]), paddle.randn([30, 8]), paddle.zeros([30])
    for tensor in (x, table):
        tensor.stop_gradient = False
    places = set()
    for rows in (4, 3, 4):
        losses = cpu.tied_losses(x[:rows], table, bias, paddle.zeros([rows], "int64"))
        losses.sum().backward()
        places.update(room.data_ptr() for room in _spare.free)
    assert len(places) == (1 if kernels == "compiled" else 0)
