"""References of the operations: Paddle's own, values and gradients."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest

from infoxlm.model.cpu import tied_losses
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


@pytest.fixture
def paddles_tied_losses() -> Callable[..., paddle.Tensor]:
    """The cross-entropy of ``x @ table.T + bias``, by Paddle's operations."""

    def compute(
        x: paddle.Tensor, table: paddle.Tensor, bias: paddle.Tensor, labels: paddle.Tensor
    ) -> paddle.Tensor:
        scores = paddle.matmul(x, table, transpose_y=True) + bias
        return F.cross_entropy(scores, labels, reduction="none").flatten()

    return compute


@pytest.fixture
def tied_losses_beside_paddles(
    paddles_tied_losses: Callable[..., paddle.Tensor],
) -> Callable[..., list[tuple[np.ndarray, np.ndarray]]]:
    """Computes losses and all gradients at random inputs: pairs of ours and Paddle's."""

    def compute(
        rows: int,
        classes: int,
        width: int,
        products: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        rng = np.random.default_rng(rows)
        shapes = ((rows, width), (classes, width), (classes,))
        arrays = [rng.normal(size=shape).astype(np.float32) for shape in shapes]
        labels = paddle.to_tensor(rng.integers(0, classes, rows))
        factors = paddle.to_tensor(rng.normal(size=rows).astype(np.float32))
        found = []
        for function in (tied_losses, paddles_tied_losses):
            tensors = [paddle.to_tensor(x, stop_gradient=False) for x in arrays]
            for times in (1, 2):  # the second time with a gradient there, and with spare room
                with products():
                    losses = function(*tensors, labels)
                (losses * factors * times).sum().backward()
            found.append([losses.numpy(), *(x.grad.numpy() for x in tensors)])
        return list(zip(*found, strict=True))

    return compute
