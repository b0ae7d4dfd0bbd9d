"""Significance tests for two runs that answered the same examples."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def mcnemar(only_first: int, only_second: int) -> float:
    """Two-sided p-value of McNemar's exact test, for independent examples.

    Q. McNemar (1947), Note on the sampling error of the difference between correlated proportions
    or percentages, Psychometrika 12, 153-157; exact as a sign test: when neither run is better, an
    example that one run alone got right is either one's with probability 1/2. Computed in whole
    numbers, so that it needs no approximation for many examples.

    Args:
        only_first: Examples that only the first run got right.
        only_second: Examples that only the second run got right.
    """
    fewer, trials = min(only_first, only_second), only_first + only_second
    ways = total = 1
    for successes in range(fewer):
        ways = ways * (trials - successes) // (successes + 1)
        total += ways
    return min(1.0, 2 * total / 2**trials)


def clustered_mcnemar(changes: NDArray[np.float64], clusters: NDArray[Any]) -> float:
    """Two-sided p-value of McNemar's test for examples that come in clusters.

    V. Durkalski, Y. Palesch, S. Lipsitz and P. Rust (2003), Analysis of clustered matched-pair
    data, Statistics in Medicine 22, 2417-2428: the squared sum of the clusters' mean changes over
    the sum of their squares, as chi-square with one degree of freedom. Translations of one pair
    are such a cluster, which McNemar's own test would count as many examples.

    Args:
        changes: 1 where only the second run is right, -1 where only the first is, else 0, `[n]`.
        clusters: The cluster of each example, `[n]`.
    """
    _, index = np.unique(clusters, return_inverse=True)
    means = np.bincount(index, changes) / np.bincount(index)
    squares = float(np.square(means).sum())
    if squares == 0:
        return 1.0
    # P(chi-square with one degree of freedom > x) = erfc(sqrt(x / 2)).
    return math.erfc(abs(float(means.sum())) / math.sqrt(2 * squares))


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted for having looked at all of them.

    S. Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian Journal
    of Statistics 6, 65-70. Those below 0.05 hold together with an error of at most 5 %, however
    the tests depend on each other.
    """
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, position in enumerate(np.argsort(p_values, kind="stable").tolist()):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[position]))
        adjusted[position] = largest
    return adjusted
