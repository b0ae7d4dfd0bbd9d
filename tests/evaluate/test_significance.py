import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infoxlm.evaluate.significance import clustered_mcnemar, holm, mcnemar


@pytest.mark.parametrize(
    ("only_first", "only_second", "p_value"),
    [
        (0, 0, 1.0),
        (5, 5, 1.0),
        (0, 5, 2 / 32),
        # Two media for culturing tuberculosis, Armitage & Berry (1994), p. 127.
        (12, 2, 2 * (1 + 14 + 91) / 2**14),
    ],
)
def test_mcnemar_known_values(only_first, only_second, p_value):
    assert mcnemar(only_first, only_second) == p_value
    assert mcnemar(only_second, only_first) == p_value


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_the_tail_of_coin_tosses(only_first, only_second):
    tosses = only_first + only_second
    tail = sum(math.comb(tosses, k) for k in range(min(only_first, only_second) + 1))
    assert mcnemar(only_first, only_second) == pytest.approx(min(1, 2 * tail / 2**tosses))


def test_mcnemar_of_many_questions_agrees_with_the_normal_distribution():
    # Chi-square with continuity correction: (|b - c| - 1)^2 / (b + c).
    z = (200 - 1) / math.sqrt(20_000)
    assert mcnemar(9_900, 10_100) == pytest.approx(math.erfc(z / math.sqrt(2)), rel=1e-3)
    assert mcnemar(0, 5_000) < 1e-300


def test_clusters_of_one_are_mcnemar_without_correction():
    changes = np.array([1.0] * 30 + [-1.0] * 15 + [0.0] * 55)
    expected = math.erfc(math.sqrt(15**2 / 45 / 2))
    assert clustered_mcnemar(changes, np.arange(100)) == pytest.approx(expected)
    assert clustered_mcnemar(-changes, np.arange(100)) == pytest.approx(expected)


def test_translations_add_no_certainty():
    changes = np.array([1.0] * 30 + [-1.0] * 15 + [0.0] * 55)
    once = clustered_mcnemar(changes, np.arange(100))
    assert clustered_mcnemar(np.tile(changes, 15), np.tile(np.arange(100), 15)) == once
    assert mcnemar(15 * 15, 30 * 15) < once / 1e6


def test_clusters_by_hand():
    # Mean changes 1, 1/2, -1/2, 0: squared sum 1, sum of squares 3/2.
    changes, clusters = np.array([1.0, 1, 0, -1, 0, 1, -1]), np.array([7, 2, 2, 3, 3, 4, 4])
    assert clustered_mcnemar(changes, clusters) == pytest.approx(math.erfc(math.sqrt(1 / 1.5 / 2)))
    assert clustered_mcnemar(np.zeros(4), np.arange(4)) == 1.0


def test_clustered_test_keeps_its_level():
    generator = np.random.default_rng(0)
    rows = np.repeat(np.arange(200), 5)
    # Neither run is better, and the five translations of a row go the same way.
    p_values = [
        clustered_mcnemar(np.repeat(generator.choice([-1.0, 0, 0, 1], 200), 5), rows)
        for _ in range(2000)
    ]
    assert np.mean(np.array(p_values) < 0.05) == pytest.approx(0.05, abs=0.015)


def test_holm():
    # 0.01 x 4; 0.02 x 3 = 0.06; 0.03 x 2 = 0.06; 0.5 x 1.
    assert holm([0.03, 0.01, 0.5, 0.02]) == pytest.approx([0.06, 0.04, 0.5, 0.06])
    assert holm([0.4, 0.9]) == pytest.approx([0.8, 0.9])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=15))
def test_holm_lies_between_no_adjustment_and_bonferroni(p_values):
    adjusted = holm(p_values)
    for p_value, value in zip(p_values, adjusted, strict=True):
        assert p_value <= value <= min(1, len(p_values) * p_value) + 1e-12
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(np.array(adjusted)[order]) >= 0).all()
