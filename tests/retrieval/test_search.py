import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infoxlm.retrieval.search import (
    correct,
    first_equal,
    nearest_by_cosine,
    nearest_by_margin,
    unit,
)

BLOCKS = [1, 2, 3, 7, 2048]


def circle(*degrees):
    """Vectors of length 1 at these angles: the cosine is that of the angle between."""
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def drawn(rows, seed, hidden=5):
    return np.random.default_rng(seed).normal(size=(rows, hidden)).astype(np.float32)


@pytest.mark.parametrize("block", BLOCKS)
def test_known_accuracies(block):
    first, second = circle(0, 30, 60, 90), circle(5, 32, 29, 200)
    there, back = nearest_by_cosine(first, second, block)
    # 60 is nearest to 32, 90 as well; 29 and 32 are nearest to 30; 200 to 90.
    assert there.tolist() == [0, 2, 1, 1]
    assert back.tolist() == [0, 1, 1, 3]
    assert (correct(there), correct(back)) == (1, 3)


def test_length_of_a_vector_does_not_matter():
    first, second = circle(0, 50, 100), circle(10, 60, 110)
    scale = np.array([[0.01], [7], [300]], np.float32)
    for there, back in (
        nearest_by_cosine(first * scale, second),
        nearest_by_cosine(first, second * scale),
        nearest_by_margin(first * scale, second, 2),
    ):
        assert there.tolist() == back.tolist() == [0, 1, 2]


@pytest.mark.parametrize("block", BLOCKS)
def test_of_equal_sentences_the_first_is_found(block):
    # Lines 1, 3 and 4 of the second side are the same sentence.
    first, second = circle(0, 40, 80, 41, 42), circle(1, 41, 81, 41, 41)
    for there, back in (
        nearest_by_cosine(first, second, block),
        nearest_by_margin(first, second, 2, block),
    ):
        assert there.tolist() == [0, 1, 2, 1, 1]
        assert correct(there) == 3
        assert back.tolist() == [0, 3, 2, 3, 3]
        assert correct(back) == 3


def test_equal_columns_are_not_told_apart_by_rounding():
    """A matrix product rounds a column differently at different places."""
    vectors = drawn(1, 3, hidden=384).repeat(999, axis=0)
    others = drawn(50, 4, hidden=384)
    for block in (64, 100, 2048):
        there, back = nearest_by_cosine(others, vectors, block)
        assert there.tolist() == [0] * 50
        assert len(set(back.tolist())) == 1


def test_equal_scores_of_different_vectors_go_to_the_first():
    first, second = circle(0), np.array([[1, 1], [1, -1], [-1, 0]], np.float32)
    assert nearest_by_cosine(first, second, block=1)[0].tolist() == [0]
    assert nearest_by_cosine(first, second[::-1].copy(), block=1)[0].tolist() == [1]


def test_one_sentence():
    for find in (nearest_by_cosine, lambda *sides: nearest_by_margin(*sides, 4)):
        there, back = find(circle(10), circle(200))
        assert (there.tolist(), back.tolist()) == ([0], [0])
        assert correct(there) == 1


def test_sides_of_different_lengths():
    there, back = nearest_by_cosine(circle(0, 90), circle(85, 5, 1), block=2)
    assert (there.tolist(), back.tolist()) == ([2, 0], [1, 0, 0])


def test_vector_of_zeros_is_near_to_nothing():
    first, second = circle(0, 90), np.array([[0, 0], [0, 2]], np.float32)
    there, back = nearest_by_cosine(first, second)
    assert there.tolist() == [0, 1]
    assert back.tolist() == [0, 1]
    assert np.isfinite(unit(second)).all()


@pytest.mark.parametrize("block", BLOCKS)
def test_margin_holds_back_a_vector_that_is_near_to_all(block):
    # The vector at 12 is near to all of the other side, the one at -25 to none.
    first, second = circle(0, 15, 30), circle(-25, 12, 33)
    by_cosine, _ = nearest_by_cosine(first, second, block)
    assert by_cosine.tolist() == [1, 1, 2]
    by_margin, _ = nearest_by_margin(first, second, 3, block)
    cosines = np.cos(np.radians(np.subtract.outer([0, 15, 30], [-25, 12, 33])))
    scale = (cosines.mean(axis=1)[:, None] + cosines.mean(axis=0)) / 2
    assert by_margin.tolist() == (cosines / scale).argmax(axis=1).tolist() == [0, 1, 2]


def test_more_neighbours_than_sentences_are_all_of_them():
    first, second = drawn(6, 1), drawn(6, 2)
    for found, expected in zip(
        nearest_by_margin(first, second, 100), nearest_by_margin(first, second, 6), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


@given(
    sizes=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    neighbours=st.integers(1, 8),
    block=st.integers(1, 40),
    seed=st.integers(0, 2**31),
)
@settings(deadline=None, max_examples=150)
def test_blocks_find_what_the_whole_matrix_finds(sizes, neighbours, block, seed):
    first, second = drawn(sizes[0], seed), drawn(sizes[1], seed + 1)
    cosines = unit(first) @ unit(second).T
    there, back = nearest_by_cosine(first, second, block)
    np.testing.assert_array_equal(there, cosines.argmax(axis=1))
    np.testing.assert_array_equal(back, cosines.argmax(axis=0))

    rows = np.sort(cosines, axis=1)[:, -neighbours:].mean(axis=1)
    columns = np.sort(cosines, axis=0)[-neighbours:].mean(axis=0)
    margins = cosines / np.maximum((rows[:, None] + columns) / 2, 1e-6)
    there, back = nearest_by_margin(first, second, neighbours, block)
    best = margins[np.arange(len(there)), there], margins[back, np.arange(len(back))]
    # Where neighbourhoods are opposite, margins are huge and rounding may exchange equals.
    np.testing.assert_allclose(best[0], margins.max(axis=1), rtol=1e-4)
    np.testing.assert_allclose(best[1], margins.max(axis=0), rtol=1e-4)


@pytest.mark.parametrize("find", [nearest_by_cosine, lambda *x: nearest_by_margin(*x[:2], 4, x[2])])
def test_memory_is_that_of_a_block(find):
    first, second = drawn(6000, 1, hidden=16), drawn(6000, 2, hidden=16)
    tracemalloc.start()
    find(first, second, 256)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8e6  # all cosines at once are 144 MB


def test_first_equal():
    vectors = np.array([[1, 2], [3, 4], [1, 2], [3, 4], [1, 3]], np.float32)
    assert first_equal(vectors).tolist() == [0, 1, 0, 1, 4]
    assert first_equal(vectors[:0]).tolist() == []
