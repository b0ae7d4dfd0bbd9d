import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infoxlm.constants import BOS_ID, EOS_ID, NO_LABEL, UNK_ID
from infoxlm.tasks.pretraining.masking import Masking, whole_vocabulary
from infoxlm.tokenization.token_ids import TokenIds, offsets_from

MASK = 99


def masking(**changes):
    return Masking(**{"mask_id": MASK, "vocabulary": whole_vocabulary(100, MASK)} | changes)


def sequences(lengths, seed=0):
    """`<s> ... </s>` with so many words each, an <unk> among them, and </s> in the middle."""
    offsets = offsets_from(np.array(lengths) + 3)
    ids = np.random.default_rng(seed).integers(4, MASK, offsets[-1]).astype(np.int32)
    ids[offsets[:-1]] = BOS_ID
    ids[offsets[:-1] + 1] = UNK_ID
    ids[offsets[1:] - 1] = EOS_ID
    return TokenIds(ids, offsets)


@given(lengths=st.lists(st.integers(1, 60), min_size=1, max_size=30), seed=st.integers(0, 2**31))
def test_of_each_sequence_a_share_is_masked_and_never_a_special_token(lengths, seed):
    token_ids = sequences(lengths)
    masked = masking()(token_ids, np.arange(len(lengths)), seed, 3)
    learned = masked.labels.ids != NO_LABEL
    assert (token_ids.ids[learned] > UNK_ID).all()
    np.testing.assert_array_equal(masked.labels.ids[learned], token_ids.ids[learned])
    np.testing.assert_array_equal(masked.token_ids.ids[~learned], token_ids.ids[~learned])
    for row, length in enumerate(lengths):
        count = (masked.labels[row] != NO_LABEL).sum()
        assert count == masked.counts[row]
        low, high = np.floor(0.15 * length), np.floor(0.15 * length + 1)
        assert max(1, low) <= count <= max(1, high)


def test_a_sequence_is_masked_alike_in_any_batch():
    token_ids, rows = sequences([5, 40, 13, 7, 40]), np.array([12, 7, 900, 12, 3])
    together = masking()(token_ids, rows, 42, 5)
    for row in range(5):
        alone = TokenIds(token_ids[row], np.array([0, len(token_ids[row])]))
        masked = masking()(alone, rows[row : row + 1], 42, 5)
        np.testing.assert_array_equal(masked.token_ids.ids, together.token_ids[row])
        np.testing.assert_array_equal(masked.labels.ids, together.labels[row])


@pytest.mark.parametrize("other", [(42, 6), (43, 5)])
def test_seed_and_step_draw_other_masks(other):
    token_ids, rows = sequences([40] * 5), np.arange(5)
    first, second = masking()(token_ids, rows, 42, 5), masking()(token_ids, rows, *other)
    assert all((first.labels[row] != second.labels[row]).any() for row in range(5))


def test_rows_draw_masks_of_their_own():
    one = np.tile(sequences([40]).ids, 6)
    masked = masking()(TokenIds(one, np.arange(7) * 43), np.arange(6), 1)
    assert len({tuple(masked.labels[row] != NO_LABEL) for row in range(6)}) == 6


def test_shares_are_those_asked_for():
    token_ids, rows = sequences([100] * 2000), np.arange(2000)
    masked = masking(random_share=0.2, kept_share=0.3)(token_ids, rows, 9)
    learned = masked.labels.ids != NO_LABEL
    assert abs(learned.sum() / 200_000 - 0.15) < 0.0005
    read, stood = masked.token_ids.ids[learned], token_ids.ids[learned]
    shares = [(read == MASK).mean(), (read == stood).mean()]
    # A random token is the one that stood there once in 95 times.
    np.testing.assert_allclose(shares, [0.5, 0.3 + 0.2 / 95], atol=0.012)  # four deviations
    drawn = read[(read != MASK) & (read != stood)]
    counts = np.bincount(drawn, minlength=100)
    assert set(np.flatnonzero(counts)) == set(range(4, MASK))
    assert counts[4:MASK].max() < 1.6 * counts[4:MASK].mean()
    # Any place of a sequence is as likely as another.
    places = np.bincount(np.flatnonzero(learned) % 103, minlength=103)
    assert places[[0, 1, 102]].sum() == 0
    assert np.abs(places[2:102] / 2000 - 0.15).max() < 0.04


def test_random_tokens_come_from_the_ids_given():
    token_ids = sequences([100] * 100)
    masked = masking(vocabulary=np.array([5, 50]), random_share=1.0, kept_share=0.0)(
        token_ids, np.arange(100), 9
    )
    assert set(masked.token_ids.ids[masked.labels.ids != NO_LABEL].tolist()) == {5, 50}


def test_a_sequence_without_words_has_nothing_masked():
    token_ids = TokenIds(np.array([0, 3, 2, 0, 7, 2], np.int32), np.array([0, 3, 6]))
    masked = masking()(token_ids, np.arange(2), 1)
    assert masked.counts.tolist() == [0, 1] and masked.labels[1].tolist() == [-100, 7, -100]
