"""Confidence intervals of a score: Wilson's, and bootstraps that resample whole items.

Parallel test files hold translations of the same items, so predictions in two languages are
not independent; the bootstraps therefore resample items (row numbers), each with all of its
predictions. Drawing items and not predictions is what keeps the intervals from being too narrow.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

#: Two-sided 95 % point of the standard normal distribution.
Z_95 = 1.959963984540054

#: Bootstrap samples drawn at once; bounds the memory at about 16 MB for 5,010 items.
_CHUNK = 200


class Interval(NamedTuple):
    """A confidence interval, in the unit of what it was made from."""

    low: float
    high: float


def wilson_interval(correct: int, total: int, z: float = Z_95) -> Interval:
    """Wilson's score interval for a share of independent trials.

    E. B. Wilson (1927), Probable inference, the law of succession, and statistical inference,
    Journal of the American Statistical Association 22, 209-212. It stays inside [0, 1] and is
    sound at shares near 0 or 1 and for few trials, where the normal interval is not.

    Args:
        correct: Number of successes.
        total: Number of trials, at least 1.
        z: Normal quantile of the confidence; the default gives 95 %.
    """
    if not 0 <= correct <= total or total < 1:
        raise ValueError(f"{correct} of {total} is not a share")
    share = correct / total
    shrink = 1 + z**2 / total
    centre = (share + z**2 / (2 * total)) / shrink
    half = z / shrink * np.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    # The ends of no success and of no failure are 0 and 1 exactly, which rounding may miss.
    low = 0.0 if correct == 0 else float(centre - half)
    high = 1.0 if correct == total else float(centre + half)
    return Interval(low, high)


def cluster_bootstrap(
    values: NDArray[np.bool_] | NDArray[np.float64],
    clusters: NDArray[Any],
    *,
    weights: NDArray[np.float64] | None = None,
    samples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Percentile bootstrap of a mean, resampling clusters with all of their values.

    B. Efron and R. Tibshirani (1993), An Introduction to the Bootstrap, chapter 13.

    Args:
        values: The values to average, such as whether each prediction is correct, `[n]`.
        clusters: The cluster of each value, `[n]`: row numbers resample an item together with
            its translations; coarser ids, such as those of a shared text, work as well.
        weights: Weight of each value in the mean, `[n]`, all equal by default. One over the
            examples of its language makes the mean the average over languages.
        samples: Bootstrap samples.
        confidence: Mass inside the interval.
        seed: Seeds the drawing; equal seeds give equal intervals.
    """
    if values.size == 0 or values.shape != clusters.shape:
        raise ValueError(f"{values.shape} values with {clusters.shape} clusters")
    _, index = np.unique(clusters, return_inverse=True)
    weights = np.ones(len(values)) if weights is None else weights
    mass = np.bincount(index, weights)
    total = np.bincount(index, weights * values)

    generator = np.random.default_rng(seed)
    means = []
    for start in range(0, samples, _CHUNK):
        size = (min(_CHUNK, samples - start), len(mass))
        drawn = generator.integers(len(mass), size=size)
        means.append(total[drawn].sum(axis=1) / mass[drawn].sum(axis=1))
    tail = (1 - confidence) / 2
    low, high = np.quantile(np.concatenate(means), [tail, 1 - tail])
    return Interval(float(low), float(high))


def bootstrap_means(
    values: NDArray[np.float64],
    *,
    clusters: NDArray[Any],
    groups: NDArray[np.int64],
    samples: int = 2000,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Bootstrap the means of several groups at once, resampling clusters that run across them.

    Whatever is made of the means, such as a difference of two groups, gets its interval from the
    same combination of the columns.

    Args:
        values: The values to average, `[n]`.
        clusters: The cluster of each value, `[n]`.
        groups: The group of each value, from 0, `[n]`.
        samples: Bootstrap samples.
        seed: Seeds the drawing.

    Returns:
        A row a sample, `[samples, groups]`; NaN where a sample drew nothing of a group.
    """
    _, index = np.unique(clusters, return_inverse=True)
    shape = (index.max() + 1, groups.max() + 1)
    mass, total = np.zeros(shape), np.zeros(shape)
    np.add.at(mass, (index, groups), 1.0)
    np.add.at(total, (index, groups), values)
    generator = np.random.default_rng(seed)
    means = []
    for start in range(0, samples, _CHUNK):
        drawn = generator.integers(len(mass), size=(min(_CHUNK, samples - start), len(mass)))
        times_drawn = np.array([np.bincount(sample, minlength=len(mass)) for sample in drawn])
        with np.errstate(invalid="ignore"):
            means.append((times_drawn @ total) / (times_drawn @ mass))
    return np.concatenate(means)
