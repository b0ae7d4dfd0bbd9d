import itertools
import math
from collections import Counter

import numpy as np
import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st

from infoxlm.tokenization.subword_sampling import SubwordSampler
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

PIECES = {"a": -1.0, "b": -2.0, "ab": -1.5, "ba": -3.0, "aba": -4.0, "bb": -2.5}
IDS = {piece: number for number, piece in enumerate(PIECES)}


def find_piece(piece):
    return (IDS[piece], PIECES[piece]) if piece in PIECES else None


def probabilities(word, alpha):
    """The probability of each segmentation, all of which are listed."""
    weights = {}
    for cuts in itertools.product([0, 1], repeat=len(word) - 1):
        bounds = [0, *(i + 1 for i, cut in enumerate(cuts) if cut), len(word)]
        parts = [word[a:b] for a, b in itertools.pairwise(bounds)]
        if all(part in PIECES for part in parts):
            score = sum(PIECES[part] for part in parts)
            weights[tuple(IDS[part] for part in parts)] = math.exp(alpha * score)
    return {key: value / sum(weights.values()) for key, value in weights.items()}


def drawn(sampler, word, count, seed=0):
    random = np.random.default_rng(seed)
    return Counter(
        tuple(sampler.sample(word, iter(random.random(len(word)).tolist()))) for _ in range(count)
    )


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_segmentations_come_as_often_as_they_are_likely(alpha):
    expected = probabilities("abbaba", alpha)
    assert len(expected) == 16
    count = 20_000
    found = drawn(SubwordSampler(find_piece, alpha, 3), "abbaba", count)
    assert found.keys() <= expected.keys()
    for key, probability in expected.items():
        spread = math.sqrt(probability * (1 - probability) / count)
        assert abs(found[key] / count - probability) < 5 * spread, key


@settings(max_examples=30, deadline=None)
@given(word=st.text("ab", min_size=1, max_size=9), seed=st.integers(0, 99))
def test_pieces_make_up_the_word_and_are_among_those_foreseen(word, seed):
    sampler = SubwordSampler(find_piece, 0.3, 3)
    names = list(PIECES)
    (ids,) = drawn(sampler, word, 1, seed)
    assert "".join(names[number] for number in ids) == word
    assert set(ids) <= sampler.pieces(word)


def test_a_word_that_no_pieces_make_up_has_no_segmentation():
    sampler = SubwordSampler(find_piece, 0.3, 3)
    assert sampler.sample("abc", iter([])) == []


def test_the_distribution_is_sentencepieces(sentencepiece_file):
    tokenizer = InfoXLMTokenizer(sentencepiece_file)
    processor = sentencepiece.SentencePieceProcessor(str(sentencepiece_file))
    sentencepiece.set_random_generator_seed(3)
    count, text = 20_000, "garden"
    theirs = Counter(
        tuple(processor.encode(text, enable_sampling=True, alpha=0.3, nbest_size=-1))
        for _ in range(count)
    )
    ours = drawn(SubwordSampler(tokenizer.find_piece, 0.3, 16), f"\u2581{text}", count)
    assert len(ours) > 3
    for key in ours.keys() | {tuple(x + 1 for x in ids) for ids in theirs}:
        # Fairseq's ids are one more than sentencepiece's.
        frequency = theirs[tuple(x - 1 for x in key)]
        assert abs(ours[key] - frequency) < 6 * math.sqrt(2 * max(ours[key], frequency, 9)), key
