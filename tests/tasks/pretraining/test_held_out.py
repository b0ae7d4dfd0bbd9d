import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infoxlm.files import array_file
from infoxlm.tasks.pretraining.held_out import AllBut, split_stores


@given(bound=st.integers(0, 60), removed=st.sets(st.integers(0, 59)))
def test_all_but_some_are_numbered_in_order(bound, removed):
    removed = sorted(number for number in removed if number < bound)
    numbers = AllBut(bound, np.array(removed, np.int64))
    expected = [number for number in range(bound) if number not in removed]
    assert len(numbers) == len(expected)
    assert numbers[np.arange(len(expected))].tolist() == expected


@pytest.fixture
def stores(make_store):
    """English with repetitions, and pairs of two languages that share sentences with it."""
    words = [f"{a} {b} home" for a in ("cat", "dog", "boy", "mat") for b in range(40)]
    mono = make_store("en", [*words, *words[:80]])
    german = make_store("en-de", [(word, f"Hund {n % 120}") for n, word in enumerate(words)])
    swahili = make_store("en-sw", [(word, f"jana {n}") for n, word in enumerate(words[40:])])
    return [mono, german, swahili]


def texts_of(store, numbers):
    return set(store.texts(np.array(numbers)).ravel().tolist())


@pytest.mark.parametrize("chunk", [1 << 16, 7])
def test_no_text_that_is_held_out_is_trained_on(stores, chunk, monkeypatch):
    monkeypatch.setattr(array_file, "CHUNK", chunk)
    splits = split_stores(stores, 10)
    held_out = set()
    for store, split in zip(stores, splits, strict=True):
        assert len(split.held_out) == len(texts_of(store, split.held_out)) / store.width == 10
        assert set(split.held_out.tolist()) <= set(split.training.removed.tolist())
        held_out |= texts_of(store, split.held_out)
    for store, split in zip(stores, splits, strict=True):
        kept = split.training[np.arange(len(split.training))]
        assert not held_out & texts_of(store, kept)
        # Nothing else is left out.
        others = set(range(len(store))) - set(kept.tolist())
        assert all(held_out & texts_of(store, [number]) for number in others)


def test_the_same_english_is_held_out_of_each_pair(stores):
    mono, german, _ = split_stores([stores[0], stores[1], stores[2]], 10)
    assert texts_of(stores[0], mono.held_out) <= texts_of(stores[1], german.held_out)


def test_at_most_a_tenth_is_held_out(make_store):
    small = make_store("de", [f"Hund {n}" for n in range(39)])
    (split,) = split_stores([small], 200)
    assert len(split.held_out) == 3 and len(split.training) == 36


def test_nothing_may_be_held_out(stores):
    for store, split in zip(stores, split_stores(stores, 0), strict=True):
        assert len(split.held_out) == 0 and len(split.training) == len(store)


def test_no_text_of_scored_pairs_is_trained_on(stores, make_store):
    words = ["cat 3 home", "unknown", "boy 9 home"]
    scored = make_store("en-fr", [(word, f"maison {n}") for n, word in enumerate(words)])
    texts = texts_of(scored, range(len(words)))
    without = split_stores(stores, 0)
    for store, split, plain in zip(stores, split_stores(stores, 0, [scored]), without, strict=True):
        kept = split.training[np.arange(len(split.training))]
        assert not texts & texts_of(store, kept)
        removed = split.training.removed.tolist()
        assert removed and all(texts & texts_of(store, [number]) for number in removed)
        assert len(plain.training) == len(store)
