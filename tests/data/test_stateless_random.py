import numpy as np
import pytest

from infoxlm.data.stateless_random import random_bits, uniform


def test_each_number_follows_from_its_words_alone():
    rows = np.array([5, 3, 9, 3])
    together = random_bits(42, 7, rows[:, None], np.arange(4))
    assert together.shape == (4, 4) and together.dtype == np.uint64
    np.testing.assert_array_equal(together[1], together[3])
    for number, row in enumerate(rows.tolist()):
        for place in range(4):
            assert random_bits(42, 7, row, place) == together[number, place]


def test_no_two_combinations_collide():
    grid = np.ix_(np.arange(20), np.arange(20), np.arange(50))
    assert len(np.unique(random_bits(*grid))) == 20 * 20 * 50


@pytest.mark.parametrize("place", [0, 1, 2])
def test_uniform_along_each_word(place):
    words = [3, 1, 4]
    words[place] = np.arange(100_000)
    drawn = uniform(*words)
    assert drawn.min() >= 0 and drawn.max() < 1
    # Standard errors: of the mean 0.0009, of a tenth's share 0.00095, of the correlation 0.003.
    assert abs(drawn.mean() - 0.5) < 0.004
    assert np.abs(np.bincount((drawn * 10).astype(int)) / 1e5 - 0.1).max() < 0.004
    assert abs(np.corrcoef(drawn[1:], drawn[:-1])[0, 1]) < 0.013
