import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from infoxlm.data.sampler import EpochSampler, epoch_order


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
