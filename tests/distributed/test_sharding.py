import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from infoxlm.distributed.sharding import shard

LENGTHS = st.lists(st.integers(1, 128), max_size=300).map(lambda x: np.array(x, np.int64))


@given(LENGTHS, st.integers(1, 9))
def test_every_row_goes_to_one_rank_and_the_work_is_even(lengths, ranks):
    shares = shard(lengths, ranks)
    assert len(shares) == ranks
    np.testing.assert_array_equal(np.sort(np.concatenate(shares)), np.arange(len(lengths)))
    rows = [len(share) for share in shares]
    tokens = [int(lengths[share].sum()) for share in shares]
    assert max(rows) - min(rows) <= 1
    assert max(tokens) - min(tokens) <= lengths.max(initial=0)


@given(LENGTHS)
def test_one_rank_has_everything_as_it_was(lengths):
    np.testing.assert_array_equal(shard(lengths, 1)[0], np.arange(len(lengths)))
