import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infoxlm.data.source import EMBEDDED, open_source
from infoxlm.tokenization.sentencepiece_model import META_SPACE
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer
from infoxlm.tokenization.words import Words


@pytest.fixture(scope="module")
def tokenizer(sentencepiece_file):
    return InfoXLMTokenizer(sentencepiece_file)


@pytest.fixture(scope="module")
def words(tokenizer):
    return Words(tokenizer)


def test_words_are_what_stands_between_spaces(tokenizer, words):
    text = "the cat sat on the mat,  and the dog ran home"
    found = words.split(tokenizer.pieces([text])[0])
    assert [words.text(word) for word in found] == [META_SPACE + x for x in text.split()]
    assert all(map(words.is_word, found))


def test_a_word_alone_has_the_pieces_that_it_has_in_a_text(tokenizer, words):
    source = open_source(EMBEDDED)
    for language in source.languages("dev"):
        texts = [example.premise for example in source.read("dev", language)]
        encoded = tokenizer.pieces(texts)
        for row in range(len(texts)):
            for word in words.split(encoded[row]):
                text = words.text(word)
                if text[:1] == META_SPACE != text:  # and not what is left around an unknown one
                    alone = tokenizer.pieces([text.removeprefix(META_SPACE)])[0]
                    assert tuple(alone.tolist()) == word, (language, text)


@given(st.lists(st.integers(2, 300), min_size=1, max_size=30))
def test_splitting_loses_no_token(words, ids):
    found = words.split(np.array(ids, np.int32))
    assert [token for word in found for token in word] == ids
    for word in found:
        assert len(word) == 1 or all(words.is_word((token,)) for token in word)


def test_unknown_and_special_tokens_stand_for_themselves(tokenizer, words):
    ids = np.array([*tokenizer.pieces(["the cat"])[0], 3, *tokenizer.pieces(["dog"])[0], 2, 2])
    found = [words.is_word(word) for word in words.split(ids)]
    assert found == [True, True, False, True, False, False]


def test_distinct_words_are_those_of_all_sequences(tokenizer, words):
    texts = ["the cat and the dog", "the dog", "", "deux pommes"]
    encoded = tokenizer.encode(texts, max_length=40)
    expected = {x for row in range(4) for x in words.split(encoded[row]) if words.is_word(x)}
    assert words.distinct(encoded) == expected
    assert len(expected) > 4
