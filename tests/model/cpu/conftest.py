"""References of the operations: Paddle's own, values and gradients."""

from collections.abc import Callable, Sequence

import numpy as np
import paddle
import pytest


@pytest.fixture
def assert_same() -> Callable[..., None]:
    """Compare a function with Paddle's, at random inputs of given shapes."""

    def check(
        ours: Callable[..., paddle.Tensor],
        theirs: Callable[..., paddle.Tensor],
        *shapes: Sequence[int],
        tolerance: float = 2e-5,
    ) -> None:
        random = np.random.default_rng(3)
        results = []
        inputs = [random.standard_normal(shape).astype(np.float32) for shape in shapes]
        for function in (ours, theirs):
            given = [paddle.to_tensor(x, stop_gradient=False) for x in inputs]
            out = function(*given)
            # Squared, so that the gradient differs from element to element.
            gradients = paddle.grad((out * out).sum(), given)
            results.append([out.numpy(), *(gradient.numpy() for gradient in gradients)])
        for found, expected in zip(*results, strict=True):
            scale = max(1.0, float(np.abs(expected).max()))
            np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * scale)

    return check
