"""The operations in C: accuracy, randomness, numbers that are not finite, and threads."""

import shutil
import subprocess
import sys

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest
from scipy.special import ndtr

from infoxlm.model.cpu import Packing, attention, gelu, residual_norm
from infoxlm.model.cpu.compiled.compiler import library

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")


def weights(lengths, heads, dropout, seed=1):
    """Attention's weights after dropout, ``[tokens, heads, longest]``: values are unit vectors."""
    paddle.seed(seed)
    packing = Packing.of(np.array(lengths))
    tokens, size = sum(lengths), max(lengths)
    units = np.zeros((tokens, heads, size), np.float32)
    units[np.arange(tokens), :, packing.offsets()] = 1
    value = paddle.to_tensor(units.reshape(tokens, -1))
    same = paddle.zeros_like(value)
    mixed = attention(same, same, value, packing, heads=heads, dropout=dropout)
    return mixed.numpy().reshape(tokens, heads, size)


@pytest.fixture(autouse=True)
def compiled():
    assert library() is not None


def test_gelu_to_the_last_digits():
    x = np.linspace(-12, 12, 100_001, dtype=np.float32)
    found = gelu(paddle.to_tensor(x)).numpy()
    exact = x.astype(np.float64) * ndtr(x.astype(np.float64))
    error = np.abs(found - exact)
    assert error.max() < np.abs(F.gelu(paddle.to_tensor(x)).numpy() - exact).max()  # Paddle's own
    assert (error < 3e-7 * np.abs(x) + 1e-9).all()


def test_softmax_of_large_and_of_lowest_scores():
    states = np.zeros((3, 4), np.float32)
    states[:, 0] = [300, -300, 0]
    value = paddle.eye(3, 4)
    packing = Packing.of(np.array([3]))
    tensor = paddle.to_tensor(states)
    found = attention(tensor, tensor, value, packing, heads=1, dropout=0.0).numpy()
    np.testing.assert_allclose(found[:, :3], [[1, 0, 0], [0, 1, 0], [1 / 3] * 3], atol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_stays_so(bad):
    """Of its sequence alone; a check of the loss must find it."""
    states = np.random.default_rng(0).standard_normal((9, 8)).astype(np.float32)
    states[1, 0] = bad
    tensor, packing = paddle.to_tensor(states), Packing.of(np.array([4, 5]))
    mixed = attention(tensor, tensor, tensor, packing, heads=2, dropout=0.0).numpy()
    assert not np.isfinite(mixed[1, :4]).any()
    assert np.isfinite(mixed[4:]).all()
    one, zero = paddle.ones([8]), paddle.zeros([8])
    normal = residual_norm(tensor, tensor, one, zero, epsilon=1e-5, dropout=0.0).numpy()
    assert np.isnan(normal[1]).all() and np.isfinite(normal[[0, *range(2, 9)]]).all()
    assert not np.isfinite(gelu(tensor).numpy()[1, 0])


def test_dropout_of_attention_is_independent_and_has_its_rate():
    lengths, dropout = [300, 5, 200], 0.1
    kept = weights(lengths, 4, dropout)
    masks = [kept[:300, head, :300] > 0 for head in range(4)]
    other = kept[305:, 0, :200] > 0
    drawn = np.concatenate([*(mask.ravel() for mask in masks), other.ravel()])
    # Five standard deviations of a share of so many draws.
    assert drawn.mean() == pytest.approx(1 - dropout, abs=5 * (0.09 / drawn.size) ** 0.5)
    np.testing.assert_allclose(kept[:300, 0, :300][masks[0]], 1 / 300 / 0.9, rtol=1e-6)
    pairs = [
        (masks[0], masks[1]),
        (masks[0][:200, :200], other),
        (masks[0][1:], masks[0][:-1]),
        (masks[0][:, 1:], masks[0][:, :-1]),
        (masks[0], weights(lengths, 4, dropout, seed=2)[:300, 0, :300] > 0),
    ]
    for one, two in pairs:
        assert abs(np.corrcoef(one.ravel(), two.ravel())[0, 1]) < 5 / one.size**0.5


def test_same_seed_same_mask():
    np.testing.assert_array_equal(weights([30, 20], 2, 0.5), weights([30, 20], 2, 0.5))


def test_packed_as_each_by_itself():
    """A sequence's states depend on no other, nor on where it lies, nor on which are wanted."""
    random = np.random.default_rng(5)
    lengths = np.array([3, 200, 1, 130])
    states = [random.standard_normal((lengths.sum(), 32)).astype(np.float32) for _ in range(3)]
    packing = Packing.of(lengths)
    query, key, value = map(paddle.to_tensor, states)
    together = attention(query, key, value, packing, heads=4, dropout=0.0).numpy()
    some = random.random(lengths.sum()) < 0.2
    some[:4] = some[203] = False  # those of the first sequence and of the third
    for part in (packing.firsts(), packing.part(some)):
        wanted = paddle.to_tensor(states[0][part.places])
        of_part = attention(wanted, key, value, part, heads=4, dropout=0.0).numpy()
        np.testing.assert_allclose(of_part, together[part.places], atol=1e-6)
    for start, length in zip(packing.starts, lengths, strict=True):
        own = [paddle.to_tensor(x[start : start + length]) for x in states]
        alone = attention(*own, Packing.of(np.array([length])), heads=4, dropout=0.0).numpy()
        np.testing.assert_allclose(together[start : start + length], alone, atol=1e-6)


def test_views_are_read_as_what_they_are():
    x = paddle.randn([64, 32])
    np.testing.assert_array_equal(gelu(x.T).numpy(), gelu(x).numpy().T)


BITS = """
from infoxlm.hardware.environment import load_paddle, prepare_environment
prepare_environment({threads})
load_paddle()
import hashlib, numpy as np, paddle
from infoxlm.model.cpu import Packing, attention, gelu, residual_norm
paddle.seed(3)
states = [paddle.randn([700, 64]) for _ in range(3)]
for x in states:
    x.stop_gradient = False
packing = Packing.of(np.array([300, 1, 399]))
mixed = attention(*states, packing, heads=4, dropout=0.1)
out = residual_norm(mixed, gelu(states[0]), paddle.ones([64]), paddle.zeros([64]),
                    epsilon=1e-5, dropout=0.1)
gradients = paddle.grad((out ** 3).sum(), states)
print(hashlib.sha256(b"".join(x.numpy().tobytes() for x in (out, *gradients))).hexdigest())
"""


def test_bits_do_not_depend_on_threads():
    found = [
        subprocess.run(
            [sys.executable, "-c", BITS.format(threads=threads)],
            capture_output=True, text=True, check=True,
        ).stdout.split()[-1]
        for threads in (1, 2, 3)
    ]  # fmt: skip
    assert len(set(found)) == 1
