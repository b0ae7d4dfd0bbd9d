"""References of the operations: Paddle's own, values and gradients."""

import shutil
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import paddle
import pytest

from infoxlm.model.cpu.compiled import compiler


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
            (out * out).sum().backward()
            results.append([out.numpy(), *(tensor.grad.numpy() for tensor in given)])
        for found, expected in zip(*results, strict=True):
            scale = max(1.0, float(np.abs(expected).max()))
            np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * scale)

    return check


@pytest.fixture(params=["compiled", "numpy"])
def kernels(request, monkeypatch) -> Iterator[str]:
    """Both ways in which operations are computed, one after the other."""
    monkeypatch.setenv(compiler.SWITCH, "0" if request.param == "numpy" else "1")
    compiler.library.cache_clear()
    if request.param == "compiled" and shutil.which("cc") is None:
        pytest.skip("there is no C compiler")
    assert (compiler.library() is None) == (request.param == "numpy")
    yield request.param
    compiler.library.cache_clear()
