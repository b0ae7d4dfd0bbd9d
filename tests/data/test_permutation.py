from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from infoxlm.data.permutation import permuted


@given(size=st.integers(1, 3000), key=st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=3))
def test_a_permutation_has_every_element_once(size, key):
    assert sorted(permuted(np.arange(size), size, *key)) == list(range(size))


@given(size=st.integers(2**31, 2**45), start=st.integers(0, 2**31 - 1000), seed=st.integers(0, 99))
def test_elements_of_long_permutations_stay_in_range_and_differ(size, start, seed):
    images = permuted(np.arange(start, start + 1000), size, seed)
    assert images.min() >= 0 and images.max() < size and len(set(images.tolist())) == 1000


def test_positions_of_several_permutations_at_once():
    sizes, keys = np.array([7, 50, 7, 1]), np.array([1, 2, 3, 4])
    positions = np.array([3, 49, 3, 0])
    together = permuted(positions, sizes, 9, keys)
    for number in range(4):
        alone = permuted(positions[number : number + 1], int(sizes[number]), 9, int(keys[number]))
        assert alone[0] == together[number]


def test_all_permutations_of_four_come_about_as_often():
    keys = np.arange(24_000)
    images = np.stack([permuted(np.full(24_000, place), 4, keys) for place in range(4)], axis=1)
    counts = Counter(map(tuple, images.tolist()))
    assert len(counts) == 24
    assert max(counts.values()) < 1.3 * min(counts.values())  # 1000 each, deviation 31


def test_neighbours_land_anywhere():
    images = permuted(np.arange(100_000), 100_000, 5)
    assert abs(np.corrcoef(images[1:], images[:-1])[0, 1]) < 0.013
    assert abs(np.corrcoef(images, np.arange(100_000))[0, 1]) < 0.013
    assert (images == np.arange(100_000)).sum() < 10
