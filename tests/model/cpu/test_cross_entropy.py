import numpy as np
import paddle
import pytest

from infoxlm.model import cpu
from infoxlm.model.losses import cross_entropy


def expected(logits, labels, factors):
    """Losses and gradient in float64."""
    logits = logits.astype(np.float64)
    shifted = logits - logits.max(1, keepdims=True)
    powers = np.exp(shifted)
    sums = powers.sum(1, keepdims=True)
    rows = np.arange(len(labels))
    gradient = powers / sums
    gradient[rows, labels] -= 1
    return np.log(sums[:, 0]) - shifted[rows, labels], gradient * factors[:, None]


@pytest.mark.parametrize("deviation", [1.0, 100.0])
@pytest.mark.parametrize("shape", [(1, 2), (7, 50), (5, 200_000)])
def test_matches_numpy(shape, deviation):
    rng = np.random.default_rng(3)
    logits = rng.normal(0, deviation, shape).astype(np.float32)
    logits[:, -1] = -np.inf
    labels = rng.integers(0, shape[1] - 1, shape[0])
    factors = rng.normal(size=shape[0]).astype(np.float32)
    losses, gradient = expected(logits, labels, factors)
    if deviation > 1 and shape[1] > 2:
        assert losses.max() > 64  # which Paddle's own never exceeds
    computed = paddle.to_tensor(logits, stop_gradient=False)
    found = cross_entropy(computed, paddle.to_tensor(labels))
    (found * paddle.to_tensor(factors)).sum().backward()
    np.testing.assert_allclose(found.numpy(), losses, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(computed.grad.numpy(), gradient, rtol=1e-4, atol=1e-6)


def test_the_path_of_other_devices_is_the_same(monkeypatch):
    rng = np.random.default_rng(4)
    logits = rng.normal(0, 60, (6, 30)).astype(np.float32)
    labels = rng.integers(0, 30, 6)
    found = {}
    for path in ("cpu", "other"):
        if path == "other":
            monkeypatch.setattr(cpu, "is_cpu_fp32", lambda tensor: False)
        computed = paddle.to_tensor(logits, stop_gradient=False)
        losses = cross_entropy(computed, paddle.to_tensor(labels))
        losses.sum().backward()
        found[path] = losses.numpy(), computed.grad.numpy()
    for one, other in zip(*found.values(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
