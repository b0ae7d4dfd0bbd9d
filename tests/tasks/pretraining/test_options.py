"""What the keys of `task` and `data` come to in the streams."""

from types import SimpleNamespace

import numpy as np
import pytest

from infoxlm.data.token_cache import TokenCache
from infoxlm.errors import UserError
from infoxlm.schema.choices import Pooling
from infoxlm.tasks.pretraining.task import Task
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer


@pytest.fixture
def streams(compose, words, tmp_path, tiny_model, sentencepiece_file):
    """Builds the streams of a command line, by name."""

    def build(*more):
        config = compose("pretrain", *words, *more)
        task = Task(config.task, config.data)
        task.open(["train", "dev"])
        tokenizer = InfoXLMTokenizer(sentencepiece_file, threads=1)
        cache = TokenCache(tmp_path / "cache", tokenizer, config.data.max_length)
        model = tiny_model("InfoXLMForPretraining")
        examples = task.load("train", cache)
        found = task.streams(model, examples, config.trainer.effective_batch_size, config.seed)
        return {stream.name: stream for stream in found}

    return build


def drawn(stream, step=0):
    return stream.examples.batch(stream.sampler.rows(step), (1, step, stream.number))


def test_weights_and_denominators(streams):
    found = streams("task.mlm_weight=0.3", "task.xlco_weight=2", "task.joint_denominator=false")
    assert {name: stream.weight for name, stream in found.items()} == {
        "mlm": 0.3, "tlm": 1.0, "xlco": 2.0
    }  # fmt: skip
    assert not any(stream.joint for stream in found.values())
    assert all(stream.joint for stream in streams().values())


def test_a_stream_draws_alike_with_and_without_the_others(streams):
    off = ("task.mlm_weight=0", "task.tlm_weight=0")
    whole, alone = (streams("data.held_out=0", *more) for more in ((), off))
    assert list(alone) == ["xlco"]
    for step in range(3):
        of_whole, of_alone = drawn(whole["xlco"], step), drawn(alone["xlco"], step)
        every = np.arange(len(of_whole.lengths))
        for name, values in of_whole.arrays(every).items():
            np.testing.assert_array_equal(of_alone.arrays(every)[name], values, err_msg=name)
    rows = [stream.sampler.rows(0).tolist() for stream in whole.values()]
    assert rows[1] != rows[2]  # tlm and xlco go through the same pairs in orders of their own


def test_the_power_of_sizes(streams, corpus):
    (corpus / "mono" / "de.txt").write_text("ein Satz hier\n" * 3, encoding="utf-8")
    for alpha in (0.0, 1.0):
        stream = streams(f"data.alpha={alpha}", "data.max_length=8")["mlm"]
        sizes = np.array(list(stream.examples.sizes.values()), float)
        assert len(set(sizes)) > 1
        np.testing.assert_allclose(
            list(stream.sampler.shares.values()), sizes**alpha / (sizes**alpha).sum(), atol=1e-3
        )


def test_masks(streams):
    shares = ("task.mask_probability=0.5", "task.random_share=0.2", "task.kept_share=0.3")
    found = streams(*shares)
    masked = drawn(found["mlm"]).arrays(np.arange(4))["labels"] >= 0
    few = drawn(streams()["mlm"]).arrays(np.arange(4))["labels"] >= 0
    assert masked.sum() > 2 * few.sum()
    for stream in found.values():
        masking = stream.examples.masking
        assert (masking.probability, masking.random_share, masking.kept_share) == (0.5, 0.2, 0.3)
    plain = streams("task.mask_contrast=false", *shares)
    mask_id = found["xlco"].examples.masking.mask_id
    has_mask = [
        bool((drawn(x["xlco"]).arrays(np.arange(4))["input_ids"] == mask_id).any())
        for x in (found, plain)
    ]
    assert has_mask == [True, False]


@pytest.mark.parametrize(("mixup", "texts"), [("true", 4), ("false", 2)])
def test_mixup(mixup, texts, streams):
    batch = drawn(streams(f"task.mixup={mixup}")["xlco"])
    assert batch.targets["text"].shape == (4, texts)


def test_faulty_rows_are_refused_where_that_is_asked_for(streams, corpus):
    with open(corpus / "mono" / "fr.txt", "a", encoding="utf-8") as file:
        file.write("\nune phrase\n")
    streams()
    with pytest.raises(UserError, match=r"fr.txt, line 21"):
        streams("data.faulty=refuse")


def test_pooling_and_block_are_handed_on(compose, words, monkeypatch):
    from infoxlm.tasks.pretraining import retrieval_scores, scores
    from infoxlm.tasks.pretraining.retrieval_pairs import RetrievalPairs

    seen = []
    monkeypatch.setattr(retrieval_scores, "score_retrieval", lambda *x: seen.append(x[-1]))
    monkeypatch.setattr(scores, "pretraining_scores", lambda *x: seen.append(x[-1]))
    config = compose("pretrain", *words, "task.retrieval_pooling=cls", "task.retrieval_block=2")
    task = Task(config.task, config.data)
    pairs = RetrievalPairs.__new__(RetrievalPairs)
    task.evaluate(SimpleNamespace(roberta=None), [pairs], None)
    assert seen == [Pooling.cls, 2]


def test_restricting_needs_a_vocabulary_that_can_be_cut(compose, words):
    more = ("task.restrict_vocabulary=true", "hardware.active_vocabulary=false")
    with pytest.raises(UserError, match=r"hardware.active_vocabulary=false"):
        compose("pretrain", *words, *more)
