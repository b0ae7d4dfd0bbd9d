"""Retrieval by block: against every state and every cosine, computed one by one."""

import numpy as np
import paddle
import pytest

from infoxlm.data.token_cache import TokenCache
from infoxlm.errors import UserError
from infoxlm.evaluate.evaluator import Evaluator
from infoxlm.schema import HardwareConfig, Pooling
from infoxlm.tasks.pretraining.retrieval_pairs import find_retrieval_pairs, load_retrieval_pairs
from infoxlm.tasks.pretraining.retrieval_scores import score_retrieval
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

EVALUATOR = Evaluator(HardwareConfig("cpu", eval_batch_tokens=40))


@pytest.fixture
def cache(tmp_path, sentencepiece_file):
    return TokenCache(tmp_path / "cache", InfoXLMTokenizer(sentencepiece_file), 20)


@pytest.fixture
def pairs(corpus, cache):
    return load_retrieval_pairs(find_retrieval_pairs(str(corpus / "eval")), cache)


def test_pairs_are_read_by_language(pairs, cache):
    assert [(x.language, len(x), x.rows.tolist()) for x in pairs] == [
        ("de", 6, list(range(6))), ("fr", 6, list(range(6)))
    ]  # fmt: skip
    encoded = cache.tokenizer.encode(["children laugh loudly"], max_length=20)
    assert pairs[0].translations[1].tolist() == encoded[0].tolist()
    encoded = cache.tokenizer.encode(["Kinder lachen laut"], max_length=20)
    assert pairs[0].token_ids[1].tolist() == encoded[0].tolist()


def test_a_limit_takes_the_first_pairs(corpus, cache):
    files = find_retrieval_pairs(str(corpus / "eval"))
    limited = load_retrieval_pairs(files, cache, 3)
    assert [len(x) for x in limited] == [3, 3]
    with pytest.raises(UserError, match=r"data\.eval_pairs: 1 pair of .*en-de\.tsv. .*eval_limit"):
        load_retrieval_pairs(files, cache, 1)


def test_no_pairs_names_the_key(tmp_path):
    with pytest.raises(UserError, match=r"data\.eval_pairs: .* does not exist"):
        find_retrieval_pairs(str(tmp_path / "nowhere"))


def vector(model, ids, block, pooling):
    states = model(paddle.to_tensor(ids[None].astype("int64")), output_hidden_states=True)
    state = states.hidden_states[block][0].numpy().astype(np.float64)
    found = state[0] if pooling is Pooling.cls else state.mean(axis=0)
    return found / np.linalg.norm(found)


@pytest.mark.parametrize("pooling", list(Pooling))
def test_every_block_and_direction(pairs, tiny_model, pooling):
    model = tiny_model().roberta
    retrieval = score_retrieval(model, pairs, EVALUATOR, pooling)
    for language, found in zip(pairs, retrieval.found, strict=True):
        assert found.shape == (3, 2, 6)
        for block in range(3):
            sides = [
                np.array([vector(model, ids[i], block, pooling) for i in range(6)])
                for ids in (language.translations, language.token_ids)
            ]
            cosines = sides[0] @ sides[1].T
            assert found[block][0].tolist() == (cosines.argmax(1) == np.arange(6)).tolist()
            assert found[block][1].tolist() == (cosines.argmax(0) == np.arange(6)).tolist()


def test_figures_and_predictions_are_means_over_directions(pairs, tiny_model):
    retrieval = score_retrieval(tiny_model().roberta, pairs, EVALUATOR)
    figures = retrieval.figures()
    assert list(figures) == [f"retrieval_block_{x}" for x in range(3)]
    predictions = retrieval.predictions("retrieval", 1)
    assert predictions.languages.tolist() == ["de"] * 6 + ["fr"] * 6
    values = predictions.values["retrieval"]
    assert set(values) <= {0, 0.5, 1}
    assert figures["retrieval_block_1"] == {
        "de": pytest.approx(values[:6].mean()), "fr": pytest.approx(values[6:].mean())
    }  # fmt: skip


def test_batches_do_not_matter(pairs, tiny_model):
    one = score_retrieval(tiny_model().roberta, pairs, EVALUATOR)
    wide = Evaluator(HardwareConfig("cpu", eval_batch_tokens=4000))
    other = score_retrieval(tiny_model().roberta, pairs, wide)
    for first, second in zip(one.found, other.found, strict=True):
        assert np.array_equal(first, second)
