"""Held-out text: perplexity and masked tokens against the logits of all tokens."""

import numpy as np
import paddle
import pytest

from infoxlm.constants import NO_LABEL
from infoxlm.evaluate.evaluator import Evaluator
from infoxlm.schema import HardwareConfig
from infoxlm.tasks.pretraining.corpus import open_corpus
from infoxlm.tasks.pretraining.corpus_files import find_monolingual, find_parallel
from infoxlm.tasks.pretraining.examples import MaskedExamples
from infoxlm.tasks.pretraining.masked_scores import score_masked
from infoxlm.tasks.pretraining.masking import Masking, whole_vocabulary
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

EVALUATOR = Evaluator(HardwareConfig("cpu", micro_batch_tokens=30))


@pytest.fixture
def opened(corpus, tmp_path, sentencepiece_file):
    tokenizer = InfoXLMTokenizer(sentencepiece_file)
    files = find_monolingual([corpus / "mono"]), find_parallel([corpus / "parallel"])
    return tokenizer, open_corpus(*files, tmp_path / "cache", tokenizer, held_out=2)


def held_out(opened, vocabulary=None):
    tokenizer, found = opened
    masking = Masking(tokenizer.mask_id, whole_vocabulary(tokenizer.vocab_size, tokenizer.mask_id))
    parts = (found.held_out_blocks(24), found.held_out_pairs(24))
    return [MaskedExamples.of(part, masking, vocabulary) for part in parts]


def expected(model, examples, columns):
    """Losses, predicted and wanted tokens, sequence by sequence."""
    for part in examples:
        batch = part.batch(np.arange(len(part)), (0, 0, 0))
        for number, language in enumerate(part.languages.tolist()):
            arrays = batch.arrays(np.array([number]))
            logits = model(paddle.to_tensor(arrays["input_ids"])).logits[0].numpy()[:, columns]
            shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
            logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
            for token in np.flatnonzero(arrays["labels"][0] != NO_LABEL):
                wanted = arrays["labels"][0, token]
                best = columns[logits[token].argmax()]
                yield language, wanted, best, -logs[token, np.searchsorted(columns, wanted)]


@pytest.mark.parametrize("restricted", [False, True])
def test_as_computed_one_by_one(opened, tiny_model, restricted):
    tokenizer, found = opened
    model = tiny_model("InfoXLMForMaskedLM")
    vocabulary = found.vocabulary(tokenizer.mask_id) if restricted else None
    examples = held_out(opened, vocabulary)
    got = score_masked(model, examples, EVALUATOR)
    columns = np.arange(tokenizer.vocab_size) if vocabulary is None else vocabulary
    languages, wanted, best, losses = zip(*expected(model, examples, columns), strict=True)
    assert got.languages.tolist() == list(languages)
    assert got.wanted.tolist() == list(wanted)
    assert got.predicted.tolist() == list(best)
    np.testing.assert_allclose(got.losses, losses, rtol=1e-4)
    assert {"de", "en", "fr", "en-de", "en-fr"} >= set(languages)


def test_figures_by_hand(opened, tiny_model):
    got = score_masked(tiny_model("InfoXLMForMaskedLM"), held_out(opened), EVALUATOR)
    figures = got.figures()
    for language in set(got.languages.tolist()):
        of = got.languages == language
        assert figures["perplexity"][language] == pytest.approx(np.exp(got.losses[of].mean()))
        right = (got.wanted == got.predicted)[of].mean()
        assert figures["masked_accuracy"][language] == pytest.approx(right)


def test_the_same_masks_in_every_run(opened, tiny_model):
    one = score_masked(tiny_model("InfoXLMForMaskedLM"), held_out(opened), EVALUATOR)
    other = score_masked(tiny_model("InfoXLMForMaskedLM", seed=3), held_out(opened), EVALUATOR)
    assert one.wanted.tolist() == other.wanted.tolist()
    assert one.losses.tolist() != other.losses.tolist()
