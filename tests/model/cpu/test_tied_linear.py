import numpy as np
import paddle

from infoxlm.model import cpu


def test_matches_paddle_with_all_gradients():
    rng = np.random.default_rng(1)
    arrays = [rng.normal(size=shape).astype(np.float32) for shape in ((3, 4, 8), (20, 8), (20,))]
    found = []
    for compute in (
        cpu.tied_linear,
        lambda x, table, bias: paddle.matmul(x, table, transpose_y=True) + bias,
    ):
        tensors = [paddle.to_tensor(x, stop_gradient=False) for x in arrays]
        scores = compute(*tensors)
        (scores**2).sum().backward()
        found.append([scores.numpy(), *(x.grad.numpy() for x in tensors)])
    assert found[0][0].shape == (3, 4, 20)
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


def test_gradients_add_up_with_those_of_looking_rows_up(kernels):
    """As in a masked-LM head, micro-batch after micro-batch."""
    rng = np.random.default_rng(2)
    states, table = (rng.normal(size=shape).astype(np.float32) for shape in ((6, 8), (20, 8)))
    ids = paddle.to_tensor([3, 19, 3])
    found = []
    for look, score in (
        (cpu.embedding, cpu.tied_linear),
        (paddle.nn.functional.embedding, lambda x, t, b: paddle.matmul(x, t.T) + b),
    ):
        learned = paddle.to_tensor(table, stop_gradient=False)
        bias = paddle.zeros([20])
        bias.stop_gradient = False
        for start in (0, 2, 4):
            x = paddle.to_tensor(states[start : start + 2], stop_gradient=False)
            (score(x, learned, bias) ** 2).sum().backward()
            (look(ids, learned) ** 2).sum().backward()
        found.append([learned.grad.numpy(), bias.grad.numpy()])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
