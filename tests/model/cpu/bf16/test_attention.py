"""Attention in `bf16.c` against its formulas, in sizes that fill no vectors."""

from itertools import pairwise

import numpy as np
import paddle
import pytest

from infoxlm.model.cpu.bf16.half import Half, narrow
from infoxlm.model.cpu.bf16.library import call_bf16
from infoxlm.model.cpu.compiled.library import Layout
from infoxlm.model.cpu.packing import Packing

LENGTHS, HEADS = (1, 5, 16, 33, 140), 3


def by_formula(query, key, value, outer):
    """Output and the three gradients of one head of one sequence, ``[tokens, size]`` each."""
    scale = query.shape[1] ** -0.5
    scores = query @ key.T * scale
    weights = np.exp(scores - scores.max(1, keepdims=True))
    weights /= weights.sum(1, keepdims=True)
    out = weights @ value
    slopes = weights * (outer @ value.T - (outer * out).sum(1, keepdims=True))
    return out, slopes @ key * scale, slopes.T @ query * scale, weights.T @ outer


@pytest.mark.parametrize("size", [2, 30, 32, 40, 72])
def test_output_and_gradients(size):
    packing, width = Packing.of(np.array(LENGTHS)), HEADS * size
    tokens = sum(LENGTHS)
    given = [narrow(paddle.randn([tokens, width])) for _ in range(4)]
    query, key, value, outer = given
    found = [Half.empty(tokens, width) for _ in range(4)]
    layout = Layout.of(packing, packing, HEADS, size, None)
    maxima, scales = (paddle.empty([HEADS, tokens]) for _ in range(2))
    call_bf16("attention", layout, query, key, value, None, found[0], maxima, scales, tokens)
    call_bf16(
        "attention_gradient", layout, query, key, value, None, found[0], outer, maxima, scales,
        tokens, *found[1:],
    )  # fmt: skip
    wide = [x.widened().numpy().astype(np.float64) for x in given]
    expected = [np.zeros((tokens, width)) for _ in range(4)]
    for start, end in pairwise(np.cumsum([0, *LENGTHS])):
        for head in range(HEADS):
            part = slice(start, end), slice(head * size, (head + 1) * size)
            for all_of, each in zip(expected, by_formula(*(x[part] for x in wide)), strict=True):
                all_of[part] = each
    for half, exact in zip(found, expected, strict=True):
        difference = half.widened().numpy() - exact
        # Rounded on the way and at the end, to 2^-9 each.
        assert np.abs(difference).max() < 2**-6 * np.abs(exact).max()
        assert np.linalg.norm(difference) < 2**-7 * np.linalg.norm(exact)
