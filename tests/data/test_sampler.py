import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infoxlm.data.sampler import ROUND, EpochSampler, LanguageSampler, epoch_order, quotas
from infoxlm.errors import UserError


def epoch_of(batches, epoch):
    start = epoch * batches.per_epoch
    return [batches.rows(step) for step in range(start, start + batches.per_epoch)]


@given(
    examples=st.integers(1, 200),
    size=st.integers(1, 250),
    seed=st.integers(0, 2**31 - 1),
    epoch=st.integers(0, 4),
)
def test_an_epoch_is_every_example_once_in_full_batches(examples, size, seed, epoch):
    parts = epoch_of(EpochSampler(examples, size, seed), epoch)
    assert sorted(np.concatenate(parts)) == list(range(examples))
    full, rest = divmod(examples, size)
    assert [len(part) for part in parts] == [size] * full + [rest] * bool(rest)


@given(step=st.integers(0, 50), seed=st.integers(0, 1000))
def test_batch_of_a_step_follows_from_the_seed_alone(step, seed):
    first = EpochSampler(37, 8, seed).rows(step).copy()
    epoch_order.cache_clear()  # as in another process that starts at this very step
    np.testing.assert_array_equal(EpochSampler(37, 8, seed).rows(step), first)


def test_epochs_and_seeds_go_their_own_ways():
    orders = [
        np.concatenate(epoch_of(EpochSampler(64, 8, seed), e)) for seed in (1, 2) for e in (0, 1)
    ]
    assert len({tuple(order) for order in orders}) == 4
    assert not any((order == np.arange(64)).all() for order in orders)


SIZES = {"en": 4000, "de": 300, "none": 0, "sw": 7}


def languages_of(rows):
    return np.searchsorted(np.cumsum(list(SIZES.values())), rows, side="right")


@given(
    sizes=st.lists(st.integers(0, 10**7), min_size=1, max_size=120).filter(any),
    alpha=st.floats(0, 1.5),
)
def test_quotas_are_the_shares_to_one_draw(sizes, alpha):
    sizes = np.array(sizes)
    found = quotas(sizes, alpha)
    assert found.sum() == ROUND
    assert ((found > 0) == (sizes > 0)).all()
    weights = np.where(sizes > 0, sizes.astype(float) ** alpha, 0)
    exact = ROUND * weights / weights.sum()
    fair = exact >= 1
    short = (exact[~fair & (sizes > 0)] < 1).sum()  # each has one draw, at the largest's cost
    assert np.abs(found - exact)[fair].max(initial=0) < 1 + short


def test_languages_are_drawn_by_their_size_to_a_power():
    sampler = LanguageSampler(SIZES, alpha=0.7, size=400, seed=1)
    drawn = languages_of(np.concatenate([sampler.rows(step) for step in range(25)]))
    weights = np.array([4000**0.7, 300**0.7, 0, 7**0.7])
    expected = ROUND * weights / weights.sum()
    assert np.abs(np.bincount(drawn, minlength=4) - expected).max() <= 1
    assert sampler.shares == dict(zip(SIZES, np.bincount(drawn, minlength=4) / ROUND, strict=True))
    assert sampler.per_epoch == 11  # 4,307 examples


@given(step=st.integers(0, 10**6), seed=st.integers(0, 2**31 - 1))
def test_language_batches_follow_from_seed_and_step(step, seed):
    rows = LanguageSampler(SIZES, 0.5, 64, seed).rows(step)
    assert rows.dtype == np.int64 and len(rows) == 64
    # Batches of another size go through the same draws.
    halves = LanguageSampler(SIZES, 0.5, 32, seed)
    parts = [halves.rows(2 * step), halves.rows(2 * step + 1)]
    np.testing.assert_array_equal(np.concatenate(parts), rows)


def test_each_language_goes_through_epochs_of_its_own():
    sampler = LanguageSampler(SIZES, alpha=0.7, size=1000, seed=3)
    rows = np.concatenate([sampler.rows(step) for step in range(30)])
    for code, size in SIZES.items():
        start = sum(list(SIZES.values())[: list(SIZES).index(code)])
        own = rows[(start <= rows) & (rows < start + size)] - start
        counts = np.bincount(own, minlength=size)
        assert counts.sum() >= size  # at least one epoch was drawn
        # A round mixes the draws of at most two epochs: nothing comes a third time before all came.
        assert size == 0 or counts.max() - counts.min() <= 1
        if size > 100:
            assert not (np.diff(own[:100]) > 0).all()


def test_one_language_is_drawn_without_replacement():
    sampler = LanguageSampler({"en": 20_000}, alpha=0.7, size=100, seed=5)
    rows = np.concatenate([sampler.rows(step) for step in range(200)])
    assert sorted(rows) == list(range(20_000))


def test_no_examples_are_refused():
    with pytest.raises(UserError, match="0 languages have examples"):
        LanguageSampler({"en": 0}, 0.7, 8, 1)
