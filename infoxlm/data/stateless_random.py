"""Random numbers that follow from words such as seed, step and row, without any state.

A generator would have to be seeded for each row, or draw for rows that nobody asked for. Here each
number is a hash of what it belongs to, so any part of a batch can be drawn alone, in any order.
"""

from typing import Any

import numpy as np

#: SplitMix64 (Steele, Lea, Flood 2014): the golden ratio's increment, and the two multipliers.
_INCREMENT = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def random_bits(*words: Any) -> np.ndarray:
    """64 random bits for each combination of words.

    Args:
        *words: Integers or arrays of them, which are broadcast; their order counts.

    Returns:
        uint64, of the words' common shape. For words that differ in one place alone, it differs.
    """
    bits = np.zeros((), np.uint64)
    with np.errstate(over="ignore"):  # it is meant to wrap around
        for word in words:
            bits = _mixed((bits ^ np.asarray(word).astype(np.uint64)) + _INCREMENT)
    return bits


def uniform(*words: Any) -> np.ndarray:
    """A random number of at least 0 and below 1 for each combination of words, float64."""
    return (random_bits(*words) >> np.uint64(11)) * 2.0**-53


def _mixed(bits: np.ndarray) -> np.ndarray:
    """Spread each bit over all of them, one to one."""
    bits = (bits ^ (bits >> np.uint64(30))) * _FIRST
    bits = (bits ^ (bits >> np.uint64(27))) * _SECOND
    return bits ^ (bits >> np.uint64(31))
