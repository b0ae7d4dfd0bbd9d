import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infoxlm.evaluate.intervals import bootstrap_means, cluster_bootstrap, wilson_interval


@pytest.mark.parametrize(
    ("correct", "total", "low", "high"),
    [
        # Newcombe (1998), Statistics in Medicine 17, 857-872, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_known_values(correct, total, low, high):
    assert wilson_interval(correct, total) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share_and_mirrors(counts):
    correct, total = counts
    low, high = wilson_interval(correct, total)
    assert 0 <= low <= correct / total <= high <= 1
    mirrored = wilson_interval(total - correct, total)
    assert mirrored == pytest.approx((1 - high, 1 - low))


@pytest.mark.parametrize(("correct", "total"), [(1, 0), (-1, 5), (6, 5)])
def test_wilson_refuses(correct, total):
    with pytest.raises(ValueError, match="not a share"):
        wilson_interval(correct, total)


def test_bootstrap_of_independent_items_agrees_with_the_normal_interval():
    correct = np.arange(2000) % 4 != 0
    low, high = cluster_bootstrap(correct, np.arange(2000), samples=4000)
    half = 1.96 * np.sqrt(0.75 * 0.25 / 2000)
    assert (low, high) == pytest.approx((0.75 - half, 0.75 + half), abs=0.002)


def test_copies_in_other_languages_add_no_certainty():
    correct = np.random.default_rng(1).random(400) < 0.6
    rows = np.arange(400)
    once = cluster_bootstrap(correct, rows)
    copied = cluster_bootstrap(np.tile(correct, 15), np.tile(rows, 15))
    as_if_independent = cluster_bootstrap(np.tile(correct, 15), np.arange(400 * 15))
    assert copied == pytest.approx(once)
    assert as_if_independent.high - as_if_independent.low < (once.high - once.low) / 3


def test_coarser_clusters_are_wider():
    # Three rows share a premise and fare alike: 100 facts, not 300.
    correct = np.repeat(np.random.default_rng(2).random(100) < 0.5, 3)
    rows = np.arange(300)
    fine, coarse = cluster_bootstrap(correct, rows), cluster_bootstrap(correct, rows // 3)
    assert coarse.high - coarse.low > 1.5 * (fine.high - fine.low)


def test_weights_make_the_average_over_languages():
    values = np.array([1.0] * 10 + [0.0] * 90)
    weights = np.array([1 / 10] * 10 + [1 / 90] * 90)
    one_cluster = np.zeros(100)
    assert cluster_bootstrap(values, one_cluster) == pytest.approx((0.1, 0.1))
    assert cluster_bootstrap(values, one_cluster, weights=weights) == pytest.approx((0.5, 0.5))


def test_seeded():
    correct, rows = np.random.default_rng(3).random(300) < 0.7, np.arange(300)
    assert cluster_bootstrap(correct, rows, seed=1) == cluster_bootstrap(correct, rows, seed=1)
    assert cluster_bootstrap(correct, rows, seed=1) != cluster_bootstrap(correct, rows, seed=2)


def test_means_of_several_groups():
    generator = np.random.default_rng(4)
    rows, groups = np.tile(np.arange(1000), 2), np.repeat([0, 1], 1000)
    shared = generator.normal(size=1000)
    values = np.concatenate([shared, shared + 0.1 * generator.normal(size=1000) + 2])
    means = bootstrap_means(values, clusters=rows, groups=groups)
    assert means.shape == (2000, 2)
    error = values[:1000].std() / np.sqrt(1000)
    assert means.std(axis=0) == pytest.approx([error, error], rel=0.1)
    # The groups share their rows: what they have in common cancels out of their difference.
    assert (means[:, 1] - means[:, 0]).mean() == pytest.approx(2, abs=0.01)
    assert (means[:, 1] - means[:, 0]).std() == pytest.approx(0.1 * 1000**-0.5, rel=0.1)


def test_mean_of_one_group_is_that_of_the_other_bootstrap():
    values, rows = np.random.default_rng(5).normal(size=300), np.arange(300) // 3
    means = bootstrap_means(values, clusters=rows, groups=np.zeros(300, int))
    expected = cluster_bootstrap(values, rows)
    assert np.quantile(means, [0.025, 0.975]) == pytest.approx(expected)


def test_group_that_a_sample_misses():
    # The second group is in one of two clusters, which a quarter of the samples leave out.
    means = bootstrap_means(
        np.array([1.0, 1.0, 5.0]), clusters=np.array([0, 1, 1]), groups=np.array([0, 0, 1])
    )
    assert (means[:, 0] == 1).all()
    assert np.isnan(means[:, 1]).mean() == pytest.approx(0.25, abs=0.03)
    assert np.nanmin(means[:, 1]) == np.nanmax(means[:, 1]) == 5
