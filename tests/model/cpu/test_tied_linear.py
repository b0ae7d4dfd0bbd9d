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
