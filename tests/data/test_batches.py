import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from infoxlm.data.batches import micro_batches


@given(
    lengths=st.lists(st.integers(1, 128), max_size=80).map(lambda x: np.array(x, np.int64)),
    max_tokens=st.integers(1, 1024),
    max_rows=st.none() | st.integers(1, 40),
)
@example(lengths=np.array([100, 100]), max_tokens=50, max_rows=None)
def test_batches_hold_each_position_once_and_fit(lengths, max_tokens, max_rows):
    batches = list(micro_batches(lengths, max_tokens, max_rows))
    assert sorted(np.concatenate([[], *batches])) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * lengths[batch].max() <= max_tokens
        assert max_rows is None or len(batch) <= max_rows


@given(lengths=st.lists(st.integers(1, 128), min_size=1, max_size=80).map(np.array))
def test_similar_lengths_share_a_batch_and_no_batch_could_take_the_next(lengths):
    batches = list(micro_batches(lengths, 256))
    assert (np.diff(lengths[np.concatenate(batches)]) <= 0).all()
    for batch in batches[:-1]:
        assert (len(batch) + 1) * lengths[batch[0]] > 256


def test_sequences_of_one_length_keep_their_order():
    batches = list(micro_batches(np.array([5, 5, 9, 5]), 10, None))
    assert [batch.tolist() for batch in batches] == [[2], [0, 1], [3]]
