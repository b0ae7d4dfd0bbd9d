import pytest
from hypothesis import given
from hypothesis import strategies as st

from infoxlm.tasks.consistency.texts import sequence_of, texts_of
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

WORDS = st.lists(st.sampled_from(["the", "cat", "on", "a", "mat", "garden"]), max_size=12)


@pytest.fixture(scope="module")
def tokenizer(sentencepiece_file):
    return InfoXLMTokenizer(sentencepiece_file)


@given(first=WORDS, second=st.none() | WORDS, max_length=st.integers(8, 60))
def test_a_sequence_is_the_tokenizers_whatever_it_has_to_cut(tokenizer, first, second, max_length):
    texts = [" ".join(x) for x in (first, second) if x is not None]
    pieces = [*tokenizer.pieces(texts).take(range(len(texts)))]
    expected = tokenizer.encode(*[[text] for text in texts], max_length=max_length)[0]
    assert sequence_of(pieces, max_length).tolist() == expected.tolist()
    whole = tokenizer.encode(*[[text] for text in texts], max_length=512)[0]
    assert [x.tolist() for x in texts_of(whole)] == [x.tolist() for x in pieces]
