import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infoxlm.constants import PAD_ID
from infoxlm.tokenization.token_ids import TokenIds, distinct_ids, offsets_from, ranges

ROWS = [[0, 7, 2], [], [0, 5, 6, 8, 2], [0, 2]]


def token_ids(rows: list[list[int]]) -> TokenIds:
    flat = np.array([token_id for row in rows for token_id in row], dtype=np.int32)
    return TokenIds(flat, offsets_from(np.array([len(row) for row in rows], dtype=np.int64)))


def test_rows_come_back_as_they_went_in() -> None:
    ids = token_ids(ROWS)
    assert len(ids) == 4
    assert ids.lengths.tolist() == [3, 0, 5, 2]
    assert [row.tolist() for row in ids] == ROWS
    assert [row.tolist() for row in ids.take([2, 2, 0])] == [ROWS[2], ROWS[2], ROWS[0]]
    assert ids[-1].tolist() == [0, 2]
    with pytest.raises(IndexError):
        ids[4]


def test_a_row_is_a_view() -> None:
    ids = token_ids(ROWS)
    assert ids[2].base is ids.ids
    assert ids[2].dtype == np.int32


def test_padded() -> None:
    batch = token_ids(ROWS).padded([3, 2, 1])
    assert batch.dtype == np.int64
    assert batch.tolist() == [[0, 2, 1, 1, 1], [0, 5, 6, 8, 2], [1, 1, 1, 1, 1]]


@pytest.mark.parametrize(("multiple", "width"), [(1, 5), (2, 6), (5, 5), (8, 8)])
def test_padded_width_is_a_multiple(multiple: int, width: int) -> None:
    assert token_ids(ROWS).padded([0, 2], multiple).shape == (2, width)


def test_padded_without_rows() -> None:
    assert token_ids(ROWS).padded([], multiple=8).shape == (0, 0)


@given(st.lists(st.lists(st.integers(2, 250_001), max_size=9), max_size=20), st.integers(1, 9))
def test_padded_holds_each_row_then_padding(rows: list[list[int]], multiple: int) -> None:
    batch = token_ids(rows).padded(range(len(rows))[::-1], multiple)
    width = batch.shape[1]
    assert width % multiple == 0
    assert width - max(map(len, rows), default=0) < multiple
    assert batch.tolist() == [row + [PAD_ID] * (width - len(row)) for row in reversed(rows)]


@given(st.lists(st.lists(st.lists(st.integers(0, 9), max_size=4), max_size=5), max_size=5))
def test_concatenate_keeps_the_order(parts: list[list[list[int]]]) -> None:
    joined = TokenIds.concatenate([token_ids(rows) for rows in parts])
    assert [row.tolist() for row in joined] == [row for rows in parts for row in rows]
    assert (joined.ids.dtype, joined.offsets.dtype) == (np.int32, np.int64)


def test_ranges() -> None:
    assert ranges(np.array([10, 3, 7]), np.array([2, 0, 3])).tolist() == [10, 11, 7, 8, 9]
    assert ranges(np.array([], dtype=np.int64), np.array([], dtype=np.int64)).tolist() == []


@given(st.lists(st.lists(st.integers(0, 50)), max_size=5))
def test_distinct_ids_are_those_of_all_arrays(arrays: list[list[int]]) -> None:
    found = distinct_ids(np.array(ids, np.int32) for ids in arrays)
    assert found.tolist() == sorted({token for ids in arrays for token in ids})
