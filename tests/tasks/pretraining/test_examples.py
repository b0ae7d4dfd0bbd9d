import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infoxlm.constants import BOS_ID, EOS_ID, PAD_ID
from infoxlm.errors import UserError
from infoxlm.tasks.pretraining.blocks import open_blocks
from infoxlm.tasks.pretraining.corpus import random_ids
from infoxlm.tasks.pretraining.examples import ContrastExamples, MaskedExamples
from infoxlm.tasks.pretraining.held_out import AllBut
from infoxlm.tasks.pretraining.masking import Masking, whole_vocabulary
from infoxlm.tasks.pretraining.sequences import Blocks, Pairs

SEED = (42, 7, 1)
NONE_REMOVED = np.zeros(0, np.int64)


@pytest.fixture
def masking(tokenizer):
    return Masking(tokenizer.mask_id, whole_vocabulary(tokenizer.vocab_size, tokenizer.mask_id))


@pytest.fixture
def pair_stores(make_store):
    german = [(f"the cat {n}", f"der Hund läuft {n} durch") for n in range(11)]
    swahili = [(f"the dog ran home {n}", f"mtoto {n}") for n in range(20, 26)]
    return [make_store("en-de", german), make_store("en-sw", swahili)]


@pytest.fixture
def pairs(pair_stores):
    german, swahili = pair_stores
    return [
        Pairs(german, AllBut(len(german), np.array([4])), 64),
        Pairs(swahili, np.array([1, 3, 5]), 64),
    ]


@pytest.fixture
def blocks(make_store, tmp_path):
    stores = [
        make_store("de", [f"der Hund läuft {n} schnell durch den Garten" for n in range(20)]),
        make_store("en", [f"the cat sat on the mat {n} and ran" for n in range(30)]),
    ]
    return [
        Blocks(store, open_blocks(store, NONE_REMOVED, 40, tmp_path / "cache").values)
        for store in stores
    ]


@pytest.fixture
def mlm(blocks, masking):
    return MaskedExamples.of(blocks, masking)


@pytest.fixture
def tlm(pairs, masking):
    return MaskedExamples.of(pairs, masking)


@pytest.fixture
def contrast(pairs):
    return ContrastExamples.of(pairs, None)


def test_masked_batches_have_what_is_learned(mlm):
    rows = np.array([len(mlm) - 1, 0, 3, 3, 1])
    batch = mlm.batch(rows, SEED)
    arrays = batch.arrays(np.array([4, 0, 2]))
    ids, labels = arrays["input_ids"], arrays["labels"]
    assert sorted(arrays) == ["input_ids", "labels"] and batch.token_arrays == tuple(arrays)
    assert ids.dtype == labels.dtype == np.int64
    assert ids.shape == labels.shape == (3, batch.lengths[[4, 0, 2]].max())
    assert (ids[:, 0] == BOS_ID).all() and (labels[:, 0] == -100).all()
    assert (labels[ids == PAD_ID] == -100).all() and (ids != PAD_ID).sum(axis=1).tolist() == (
        batch.lengths[[4, 0, 2]].tolist()
    )
    assert batch.weights.dtype == np.float64
    assert (labels >= 0).sum(axis=1).tolist() == batch.weights[[4, 0, 2]].tolist()
    # Where nothing is masked the text stands, and where something is the label tells it.
    whole = np.where(labels >= 0, labels, ids)
    for position, row in zip((4, 0, 2), whole, strict=True):
        start = len(mlm.sources[0])
        index, number = divmod(int(rows[position]), start) if rows[position] < start else (1, 0)
        number = int(rows[position]) - index * start
        expected = mlm.sources[index].take(np.array([number]), np.zeros(1)).ids
        assert row[row != PAD_ID].tolist() == expected.tolist()


@pytest.mark.parametrize("kind", ["mlm", "tlm", "contrast"])
def test_an_example_is_drawn_alike_in_any_batch(kind, request):
    examples = request.getfixturevalue(kind)
    together = examples.batch(np.arange(len(examples)), SEED)
    for rows in ([2], [len(examples) - 1, 1], [3, 0, 3]):
        batch = examples.batch(np.array(rows), SEED)
        for position, row in enumerate(rows):
            one = batch.arrays(np.array([position]))
            same = together.arrays(np.array([row]))
            for name in set(one) - {"position"}:
                np.testing.assert_array_equal(one[name], same[name])
            assert batch.lengths[position] == together.lengths[row]
            assert batch.weights[position] == together.weights[row]


@pytest.mark.parametrize("kind", ["mlm", "tlm", "contrast"])
@pytest.mark.parametrize("other", [(43, 7, 1), (42, 8, 1), (42, 7, 2)])
def test_run_step_and_stream_draw_otherwise(kind, other, request):
    examples = request.getfixturevalue(kind)
    rows = np.arange(len(examples))
    first, second = (examples.batch(rows, seed).arrays(rows)["input_ids"] for seed in (SEED, other))
    assert first.shape != second.shape or (first != second).any()


def sentence(store, number):
    return store.token_ids[number].tolist()


def test_translation_pairs_stand_in_either_order(pair_stores, pairs):
    store = pair_stores[0]
    orders = set()
    for step in range(20):
        drawn = pairs[0].take(np.array([4]), np.array([4]), 1, step)
        first, second = sentence(store, 10), sentence(store, 11)  # pair 4 is left out
        assert drawn[0].tolist() in ([BOS_ID, *first, *second], [BOS_ID, *second, *first])
        orders.add(tuple(drawn[0].tolist()))
    assert len(orders) == 2


def test_the_longer_sentence_of_a_pair_gives_way(make_store):
    store = make_store("en-de", [("the cat sat on the mat and the dog ran home", "der Hund")])
    short = Pairs(store, np.array([0]), 16)
    drawn = short.take(np.array([0]), np.array([0]), 3)[0].tolist()
    assert len(drawn) == 16 and drawn.count(EOS_ID) == 2 and drawn[-1] == EOS_ID
    german = sentence(store, 1)
    assert german in (drawn[1 : 1 + len(german)], drawn[-len(german) :])


def contrasts(examples, steps=12):
    rows = np.arange(len(examples))
    for step in range(steps):
        batch = examples.batch(rows, (42, step, 2))
        arrays = batch.arrays(rows)
        for row in rows:
            sides = [arrays[name][row] for name in ("input_ids", "key_ids")]
            yield row, [side[side != PAD_ID].tolist() for side in sides], arrays["text"][row]


def test_contrast_joins_neighbouring_pairs_in_all_eight_ways(contrast, pair_stores):
    assert dict(contrast.sizes) == {"en-de": 5, "en-sw": 1}  # of 10 and of 3 pairs
    german, swahili = pair_stores
    seen = {row: set() for row in range(6)}
    members = {0: (german, 0, 1), 2: (german, 5, 6), 5: (swahili, 1, 3)}
    for row, sides, text in contrasts(contrast, 60):
        store, one, two = members.get(int(row), (None, 0, 0))
        if store is None:
            continue
        english = [sentence(store, 2 * one), sentence(store, 2 * two)]
        foreign = [sentence(store, 2 * one + 1), sentence(store, 2 * two + 1)]
        ways = {
            (a, b, c): [[BOS_ID, *sum(x[::-1] if swap else x, [])] for x, swap in
                        ([(foreign, b), (english, a)] if c else [(english, a), (foreign, b)])]
            for a in (0, 1) for b in (0, 1) for c in (0, 1)
        }  # fmt: skip
        (found,) = (way for way, expected in ways.items() if expected == sides)
        seen[int(row)].add(found)
        assert sorted(text) == sorted(store.texts(np.array([one, two])).ravel())
    assert all(len(seen[row]) == 8 for row in members)


def test_contrast_without_mixup_has_a_pair_an_example(pairs, pair_stores):
    examples = ContrastExamples.of(pairs, None, mixup=False)
    assert dict(examples.sizes) == {"en-de": 10, "en-sw": 3}
    store, sides_seen = pair_stores[1], set()
    for row, sides, text in contrasts(examples):
        if row == 11:
            expected = [[BOS_ID, *sentence(store, number)] for number in (6, 7)]
            assert sorted(sides) == sorted(expected)
            assert sorted(text) == sorted(store.texts(np.array([3])).ravel())
            sides_seen.add(sides == expected)
    assert sides_seen == {True, False}


def test_contrast_arrays_are_those_the_objective_takes(pairs, masking):
    examples = ContrastExamples.of(pairs, masking)
    rows = np.array([5, 0, 3, 1])
    batch = examples.batch(rows, SEED)
    arrays = batch.arrays(np.array([2, 0, 3]))
    assert sorted(arrays) == ["input_ids", "key_ids", "position", "text"]
    assert {array.dtype for array in arrays.values()} == {np.dtype(np.int64)}
    assert arrays["text"].shape == (3, 4)
    assert arrays["position"].tolist() == [2, 0, 3]
    tokens = sum((arrays[name] != PAD_ID).sum(axis=1) for name in ("input_ids", "key_ids"))
    assert tokens.tolist() == batch.lengths[[2, 0, 3]].tolist()
    assert batch.weights.tolist() == [1.0] * 4
    # Both sides are masked, each by itself.
    plain = ContrastExamples.of(pairs, None).batch(rows, SEED).arrays(np.array([2, 0, 3]))
    for name in ("input_ids", "key_ids"):
        changed = (arrays[name] != plain[name]).sum(axis=1)
        most = 0.15 * (plain[name] != PAD_ID).sum(axis=1) + 1
        assert (changed <= most).all() and changed.any()
    assert (
        arrays["input_ids"].shape != arrays["key_ids"].shape
        or (
            (arrays["input_ids"] == masking.mask_id) != (arrays["key_ids"] == masking.mask_id)
        ).any()
    )
    np.testing.assert_array_equal(arrays["text"], plain["text"])


def test_equal_texts_have_equal_hashes_across_languages(make_store):
    store = make_store("en-de", [("the cat", "Hund"), ("the cat", "Garten"), ("mat", "mat")])
    examples = ContrastExamples.of([Pairs(store, np.arange(3), 64)], None, mixup=False)
    text = examples.batch(np.arange(3), SEED).targets["text"]
    assert len(set(text[0]) & set(text[1])) == 1 and not set(text[0]) & set(text[2])
    assert text[2, 0] == text[2, 1]


def test_restricted_vocabulary_bounds_what_is_drawn(blocks, tokenizer):
    vocabulary = np.unique(np.concatenate([[tokenizer.mask_id], blocks[0].store.vocabulary]))
    ids = random_ids(vocabulary, tokenizer.mask_id)
    masking = Masking(tokenizer.mask_id, ids, random_share=0.9)
    examples = MaskedExamples.of(blocks[:1], masking, vocabulary)
    assert examples.ids_in_use() is vocabulary
    drawn = examples.batch(np.arange(len(examples)), SEED).token_ids.ids
    assert set(drawn.tolist()) <= {BOS_ID, *vocabulary.tolist()}
    assert MaskedExamples.of(blocks, masking).ids_in_use() is None


@pytest.mark.parametrize("kind", ["mlm", "tlm", "contrast"])
def test_examples_are_found_by_where_they_begin(kind, request):
    examples = request.getfixturevalue(kind)
    languages = examples.languages.tolist()
    assert len(languages) == len(examples) == sum(examples.sizes.values())
    for number in range(len(examples)):
        origin = examples.origin(number)
        assert origin["language"] == languages[number]
        assert examples.find(origin["language"], origin["row"], origin["sequence"]) == number
    for number in (-1, len(examples)):
        with pytest.raises(IndexError):
            examples.origin(number)
    with pytest.raises(UserError, match="row 999 of language"):
        examples.find(languages[0], 999)


def test_contrast_begins_at_the_first_of_its_pairs(contrast):
    assert [contrast.origin(number)["row"] for number in range(6)] == [0, 2, 5, 7, 9, 1]


def test_parts_are_joined_in_their_order(blocks, masking):
    parts = [MaskedExamples.of([source], masking) for source in blocks]
    joined, whole = MaskedExamples.concatenate(parts), MaskedExamples.of(blocks, masking)
    rows = np.array([1, len(whole) - 1])
    np.testing.assert_array_equal(
        joined.batch(rows, SEED).arrays(np.arange(2))["input_ids"],
        whole.batch(rows, SEED).arrays(np.arange(2))["input_ids"],
    )


def test_joined_parts_keep_mixup(pairs):
    parts = [ContrastExamples.of([source], None, mixup=False) for source in pairs]
    assert len(ContrastExamples.concatenate(parts)) == 13


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(data=st.data())
def test_micro_batches_are_the_batch(mlm, data):
    rows = np.array(data.draw(st.lists(st.integers(0, len(mlm) - 1), min_size=1, max_size=12)))
    cut = data.draw(st.integers(0, len(rows)))
    batch = mlm.batch(rows, SEED)
    order = np.array(data.draw(st.permutations(range(len(rows)))))
    whole = batch.arrays(np.arange(len(rows)))
    for part in (order[:cut], order[cut:]):
        for name, values in batch.arrays(part).items():
            width = values.shape[1]
            np.testing.assert_array_equal(values, whole[name][part][:, :width])
