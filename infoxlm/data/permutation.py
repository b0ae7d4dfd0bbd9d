"""Random permutations by index, for epochs over more examples than an array should hold.

A Feistel network (Luby & Rackoff 1988) is one to one whatever its round function is. This one works
on the two digits of a number in mixed radix, so that its domain is hardly larger than the range;
what falls outside the range goes through it again ("cycle walking", Black & Rogaway 2002).
"""

from typing import Any

import numpy as np

from infoxlm.data.stateless_random import random_bits

#: Rounds of the network. Four make it pseudo-random; small ranges need some more.
_ROUNDS = 8


def permuted(positions: np.ndarray, size: int | np.ndarray, *key: Any) -> np.ndarray:
    """The elements at some positions of a random permutation of `range(size)`, int64 ``[n]``.

    Args:
        positions: At least 0 and below the size, int64 ``[n]``.
        size: The number of elements, 1 or more; an array where positions are of several
            permutations.
        *key: Integers that decide the permutation, or arrays of them.
    """
    sizes, *keys = (np.broadcast_to(word, positions.shape) for word in (size, *key))
    sizes = sizes.astype(np.uint64)
    images = positions.astype(np.uint64)
    walking = np.arange(len(images))
    while len(walking):
        images[walking] = _network(
            images[walking], sizes[walking], random_bits(*(word[walking] for word in keys))
        )
        walking = walking[images[walking] >= sizes[walking]]
    return images.astype(np.int64)


def _network(values: np.ndarray, sizes: np.ndarray, key: np.ndarray) -> np.ndarray:
    """A random permutation of the products of two digits, the first not below the sizes."""
    first = np.sqrt(sizes.astype(np.float64)).astype(np.uint64) + np.uint64(1)
    second = (sizes + first - np.uint64(1)) // first
    left, right = values // second, values % second
    for number in range(0, _ROUNDS, 2):
        left = (left + random_bits(key, number, right) % first) % first
        right = (right + random_bits(key, number + 1, left) % second) % second
    return left * second + right
