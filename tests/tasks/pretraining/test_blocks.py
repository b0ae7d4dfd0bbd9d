from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infoxlm.constants import BOS_ID, EOS_ID
from infoxlm.tasks.pretraining import blocks
from infoxlm.tasks.pretraining.blocks import cut_blocks, open_blocks
from infoxlm.tasks.pretraining.sequences import Blocks


@given(
    lengths=st.lists(st.tuples(st.integers(2, 40), st.booleans()), max_size=40),
    most=st.integers(7, 30),
)
def test_blocks_hold_as_many_whole_sentences_as_fit(lengths, most):
    ends = np.cumsum([0, *(length for length, _ in lengths)]).tolist()
    kept = [pair for pair, (_, keep) in zip(pairwise(ends), lengths, strict=True) if keep]
    found = list(cut_blocks(iter(kept), most))
    assert all(2 <= end - start <= most for start, end in found)
    covered = [token for start, end in found for token in range(start, end)]
    assert covered == sorted(set(covered))
    wanted = {token for start, end in kept for token in range(start, end)}
    assert set(covered) <= wanted
    for lost in wanted - set(covered):  # the </s> of a sentence that fills its blocks to the last
        assert lost + 1 in ends
    begins, sentence_ends = {start for start, _ in kept}, {end for _, end in kept}
    for (start, end), (following, behind) in pairwise(found):
        # A sentence is cut only if it is longer than a block, and a block ends early only if the
        # next sentence does not fit or does not follow.
        if following not in begins:
            assert end - start == most
            assert max(b - a for a, b in kept if a < following < b) > most
        elif following == end and end in sentence_ends:
            next_end = min(x for x in sentence_ends if x > following)
            assert next_end - start > most or behind - following == most


TEXTS = ["the cat sat", "the dog ran home and the cat sat on the mat", "home", "mat", "the dog"]


def test_blocks_read_as_running_text(make_store, tokenizer, tmp_path):
    store = make_store("en", TEXTS)
    first, long, *others = store.token_ids.lengths.tolist()
    most, rest = long - 3, 3
    assert first < most and rest + sum(others) <= most
    bounds = open_blocks(store, np.zeros(0, np.int64), most + 1, tmp_path / "cache").values
    drawn = Blocks(store, bounds).take(np.arange(len(bounds)), np.zeros(0))
    rows = [drawn[row].tolist() for row in range(len(drawn))]
    assert all(row[0] == BOS_ID and BOS_ID not in row[1:] for row in rows)
    assert tokenizer.decode(rows[0]) == TEXTS[0]
    assert sum((row[1:] for row in rows), []) == store.token_ids.ids.tolist()
    # The long sentence fills a block, and the next one begins with its rest.
    assert len(rows[1]) == most + 1 and rows[1][-1] != EOS_ID
    assert rows[2][1 : 1 + rest] == store.token_ids[1][most:].tolist()
    assert len(rows[2]) == 1 + rest + sum(others) and len(rows) == 3


def test_blocks_do_not_reach_over_what_is_left_out(make_store, tmp_path):
    store = make_store("en", TEXTS)
    offsets = store.token_ids.offsets
    bounds = open_blocks(store, np.array([1, 3]), 64, tmp_path / "cache").values
    assert bounds.tolist() == [
        [0, offsets[1]], [offsets[2], offsets[3]], [offsets[4], offsets[5]],
    ]  # fmt: skip
    found = Blocks(store, bounds)
    assert [found.row(number) for number in range(3)] == [0, 2, 4]


def test_bounds_come_from_the_cache(make_store, tmp_path, monkeypatch):
    store = make_store("en", TEXTS)
    first = open_blocks(store, np.array([1]), 64, tmp_path / "cache").values
    monkeypatch.setattr(blocks, "cut_blocks", lambda *_: iter([(0, 2)]))
    np.testing.assert_array_equal(
        open_blocks(store, np.array([1]), 64, tmp_path / "cache").values, first
    )
    for removed, length in (([2], 64), ([1], 65)):
        other = open_blocks(store, np.array(removed), length, tmp_path / "cache").values
        assert other.tolist() == [[0, 2]]


def test_damaged_bounds_are_computed_again(make_store, tmp_path, caplog):
    store = make_store("en", TEXTS)
    expected = open_blocks(store, np.array([1]), 64, tmp_path / "cache").values.tolist()
    (file,) = (tmp_path / "cache").glob("*/blocks.npy")
    file.write_bytes(file.read_bytes()[:-8])
    assert open_blocks(store, np.array([1]), 64, tmp_path / "cache").values.tolist() == expected
    assert "damaged" in caplog.text


@pytest.mark.parametrize("max_length", [8, 64])
def test_held_out_sentences_are_blocks_of_their_own(make_store, max_length):
    store = make_store("en", TEXTS)
    found = Blocks.of_sentences(store, np.array([1, 4]), max_length)
    drawn = found.take(np.arange(2), np.zeros(0))
    for row, sentence in enumerate((1, 4)):
        whole = [BOS_ID, *store.token_ids[sentence].tolist()]
        assert drawn[row].tolist() == whole[:max_length]
    assert found.row(1) == 4
