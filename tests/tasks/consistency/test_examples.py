import numpy as np
import pytest

from infoxlm.tasks.consistency.changes import Change, GaussianNoise
from infoxlm.tasks.consistency.examples import HELD, NOISE, TEACHER_IDS, CopiedExamples
from infoxlm.tasks.consistency.word_changes import SubwordSampling

SEED = (7, 3, 0)


@pytest.fixture
def sampled(tokenizer, pairs):
    def make(copies=True, augmented=False, change=None):
        change = change or SubwordSampling(tokenizer, 1.0, 0.1, 38)
        return CopiedExamples.of(pairs, change, copies=copies, augmented=augmented, width=4)

    return make


def copies_of(examples, rows, seed=SEED):
    batch = examples.batch(np.array(rows), seed)
    return [batch.copies[place].tolist() for place in range(len(rows))]


def test_a_copy_follows_from_seed_step_and_row_alone(sampled):
    examples = sampled()
    rows = [3, 11, 4, 19]
    found = copies_of(examples, rows)
    assert copies_of(examples, rows) == found
    (alone,) = copies_of(examples, [0])
    expected = [found[1], found[0], alone, found[3], found[2]]
    assert copies_of(examples, [11, 3, 0, 19, 4]) == expected
    for other in ((8, 3, 0), (7, 4, 0), (7, 3, 1)):
        assert copies_of(examples, rows, other) != found


def test_a_micro_batch_has_the_copies_behind_the_examples(sampled, pairs):
    examples = sampled()
    batch = examples.batch(np.array([5, 9, 2]), SEED)
    arrays = batch.arrays(np.array([2, 0]))
    assert arrays.keys() == {"input_ids", "labels", HELD}
    ids = arrays["input_ids"]
    expected = [pairs.token_ids[2], pairs.token_ids[5], batch.copies[2], batch.copies[0]]
    for row, sequence in zip(ids, expected, strict=True):
        assert row[: len(sequence)].tolist() == sequence.tolist()
        assert (row[len(sequence) :] == 1).all()
    assert arrays["labels"].tolist() == [2, 2, 2, 2]
    assert arrays[HELD].tolist() == [0, 0]
    own = pairs.token_ids.lengths[[5, 9, 2]]
    assert batch.lengths.tolist() == (own + batch.copies.lengths).tolist()
    assert batch.weights.tolist() == [1, 1, 1]


def test_augmented_examples_are_changed_themselves(sampled, pairs):
    examples = sampled(augmented=True)
    assert len(examples) == 40
    batch = examples.batch(np.array([5, 25, 8, 31]), SEED)
    assert batch.token_ids[0].tolist() == pairs.token_ids[5].tolist()
    changed, copy = batch.token_ids[1].tolist(), batch.copies[1].tolist()
    # The draws of an example and of its copy are not the same.
    assert len({tuple(x) for x in (pairs.token_ids[5].tolist(), changed, copy)}) == 3
    assert batch.targets["labels"].tolist() == [2, 2, 2, 2]
    arrays = batch.arrays(np.array([1, 2, 3]))
    # The mean over those that are changed: two of four.
    assert arrays[HELD].tolist() == [2, 0, 2]
    assert (arrays[TEACHER_IDS] == arrays["input_ids"][[0, 2]]).all()
    assert TEACHER_IDS not in batch.arrays(np.array([0]))
    assert "labels" in sampled(copies=False, augmented=True).batch(np.array([25]), SEED).arrays(
        np.array([0])
    )


def test_the_copy_of_a_changed_example_is_drawn_next_to_it(sampled, pairs):
    class Told(Change):
        """Adds a 7 to a copy, and an 8 to one that stands next to another."""

        def copy(self, number, ids, random):
            return np.append(ids, np.int32(7))

        def another(self, number, ids, copy, random):
            assert copy.tolist() == [*ids.tolist(), 7]
            return np.append(ids, np.int32(8))

    batch = sampled(augmented=True, change=Told()).batch(np.array([5, 25]), SEED)
    original = pairs.token_ids[5].tolist()
    assert [batch.token_ids[x].tolist() for x in (0, 1)] == [original, [*original, 7]]
    assert [batch.copies[x].tolist() for x in (0, 1)] == [[*original, 7], [*original, 8]]


def test_each_copy_can_be_found_by_its_origin(sampled):
    for augmented in (False, True):
        examples = sampled(augmented=augmented)
        origins = [examples.origin(number) for number in range(len(examples))]
        assert len({tuple(sorted(origin.items())) for origin in origins}) == len(examples)
        for number, origin in enumerate(origins):
            found = examples.find("en", origin["row"], origin.get("sequence", 0))
            assert found == number
            assert origin["row"] == 2 * (number % 20)


def test_noise_is_drawn_for_what_is_changed_and_by_row(sampled):
    change = GaussianNoise(0.5)
    examples = sampled(augmented=True, change=change)
    rows = np.array([5, 25, 8])
    batch = examples.batch(rows, SEED)
    noise = batch.arrays(np.array([0, 1, 2]))[NOISE]
    assert noise.dtype == np.float32
    lengths = batch.token_ids.lengths.tolist() + batch.copies.lengths.tolist()
    drawn = []
    for row, length in enumerate(lengths):
        assert not noise[row, length:].any()
        if row in (0, 2):
            assert not noise[row].any()
        else:
            drawn.append(noise[row, :length])
    values = np.concatenate([x.ravel() for x in drawn])
    assert len(np.unique(values)) == values.size
    assert abs(values.std() - 0.5) < 0.06
    other = examples.batch(np.array([25]), SEED).arrays(np.array([0]))[NOISE]
    assert (other[0, : lengths[1]] == noise[1, : lengths[1]]).all()
    assert (other[1, : lengths[4]] == noise[4, : lengths[4]]).all()


def test_ids_in_use_are_those_of_all_copies(sampled, pairs):
    examples = sampled()
    allowed = set(examples.ids_in_use().tolist())
    assert len(allowed) > len(set(pairs.token_ids.ids.tolist()))
    for step in range(30):
        batch = examples.batch(np.arange(20), (1, step, 0))
        assert set(batch.copies.ids.tolist()) <= allowed
