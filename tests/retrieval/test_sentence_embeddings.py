"""Sentences to vectors, with a tiny model and with an encoder made by hand."""

from types import SimpleNamespace

import numpy as np
import paddle
import pytest

from infoxlm.constants import BOS_ID, EOS_ID, PAD_ID
from infoxlm.retrieval.search import correct, nearest_by_cosine
from infoxlm.retrieval.sentence_embeddings import sentence_embeddings, token_weights
from infoxlm.schema import Pooling
from infoxlm.tokenization.token_ids import TokenIds, offsets_from


@pytest.fixture(scope="module")
def model(tiny_model):
    return tiny_model("InfoXLMModel")


def tokens(*rows):
    """Encodes rows of ids as `<s> ... </s>`."""
    ids = [np.array([BOS_ID, *row, EOS_ID], np.int32) for row in rows]
    return TokenIds(np.concatenate(ids), offsets_from(np.array([len(row) for row in ids])))


def states_of(model, sentence):
    """Every layer's states of one sentence alone, `[layers, seq, hidden]`."""
    input_ids = paddle.to_tensor(sentence[None].astype(np.int64))
    states = model(input_ids, output_hidden_states=True).hidden_states
    return np.concatenate([state.numpy() for state in states])


def test_a_batch_of_one_equals_a_batch_of_sixty_four(model, random_token_ids):
    sentences = random_token_ids(64, longest=30)
    assert len(set(sentences.lengths)) > 10
    together = sentence_embeddings(model, sentences, max_tokens=64 * 30)
    alone = sentence_embeddings(model, sentences, max_tokens=1)
    assert together.shape == (3, 64, 16)
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-5)
    assert alone.std() > 0.3  # else anything would be close


@pytest.mark.parametrize("special_tokens", [True, False])
def test_mean_is_over_the_tokens_that_count(model, random_token_ids, special_tokens):
    sentences = random_token_ids(9)
    found = sentence_embeddings(model, sentences, special_tokens=special_tokens, max_tokens=60)
    for row in range(9):
        states = states_of(model, sentences[row])
        states = states if special_tokens else states[:, 1:-1]
        np.testing.assert_allclose(found[:, row], states.mean(axis=1), rtol=0, atol=1e-5)


def test_cls_is_the_first_token_s_state(model, random_token_ids):
    sentences = random_token_ids(5)
    found = sentence_embeddings(model, sentences, pooling=Pooling.cls, max_tokens=60)
    for row in range(5):
        first = states_of(model, sentences[row])[:, 0]
        np.testing.assert_allclose(found[:, row], first, rtol=0, atol=1e-5)
    means = sentence_embeddings(model, sentences, max_tokens=60)
    assert np.abs(found - means).max() > 0.1


def test_equal_sentences_have_equal_vectors_to_the_last_bit(model, random_token_ids):
    others = random_token_ids(40)
    twice = TokenIds.concatenate([others, others])
    found = sentence_embeddings(model, twice, max_tokens=64)
    np.testing.assert_array_equal(found[:, :40], found[:, 40:])


def test_dropout_is_off(tiny_model, random_token_ids):
    model = tiny_model("InfoXLMModel", hidden_dropout_prob=0.5)
    model.train()
    sentences = random_token_ids(3)
    first, second = (sentence_embeddings(model, sentences, max_tokens=60) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_weights():
    ids = np.array([[BOS_ID, 9, 8, EOS_ID], [BOS_ID, EOS_ID, PAD_ID, PAD_ID]])
    assert token_weights(ids, Pooling.mean, True).tolist() == [[0.25] * 4, [0.5, 0.5, 0, 0]]
    # The second sentence has no token of its own.
    assert token_weights(ids, Pooling.mean, False).tolist() == [[0, 0.5, 0.5, 0], [0, 0, 0, 0]]
    assert token_weights(ids, Pooling.cls, True).tolist() == [[1, 0, 0, 0], [1, 0, 0, 0]]


class HandMadeEncoder:
    """A token's state is a row of a table that each layer has; padding has a strong one."""

    def __init__(self, *tables):
        self.tables = [np.array(table, np.float32) for table in tables]
        hidden = self.tables[0].shape[1]
        self.config = SimpleNamespace(num_hidden_layers=len(tables) - 1, hidden_size=hidden)

    def eval(self):
        pass

    def __call__(self, input_ids, output_hidden_states):
        assert output_hidden_states
        states = tuple(paddle.to_tensor(table[input_ids.numpy()]) for table in self.tables)
        return SimpleNamespace(hidden_states=states)


def test_hand_made_encoder_has_the_accuracies_it_was_made_for():
    # Ids 4 to 7 are English words, 8 to 11 their translations; 0 to 3 are special.
    special = [[0, 0, 0, 0], [99, 0, 0, 50], [0, 0, 0, 0], [0, 0, 0, 0]]
    axes = np.eye(4)
    same = [[1, 1, 1, 1]] * 4
    encoder = HandMadeEncoder(
        [*special, *axes, *same],  # translations are all alike: the first of equals is found
        [*special, *axes, *axes[[0, 1, 3, 2]]],  # the last two are exchanged
        [*special, *axes, *axes],  # every word meets its translation
    )
    # Sentences of different lengths, so that there is padding; the words' order does not matter.
    english = tokens([4], [5, 5, 5], [6, 6], [7, 7, 7, 7, 7])
    other = tokens([8, 8], [9], [10, 10, 10], [11])
    first, second = (
        sentence_embeddings(encoder, side, max_tokens=100) for side in (english, other)
    )
    found = [nearest_by_cosine(first[layer], second[layer]) for layer in range(3)]
    accuracy = [(correct(there) / 4, correct(back) / 4) for there, back in found]
    assert accuracy == [(0.25, 0.25), (0.5, 0.5), (1, 1)]
