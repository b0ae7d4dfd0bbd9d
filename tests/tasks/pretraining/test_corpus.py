import numpy as np
import pytest

from infoxlm.constants import EOS_ID, UNK_ID
from infoxlm.data.sampler import LanguageSampler
from infoxlm.errors import UserError
from infoxlm.tasks.pretraining.corpus import open_corpus, random_ids
from infoxlm.tasks.pretraining.corpus_files import find_monolingual, find_parallel
from infoxlm.tasks.pretraining.examples import ContrastExamples, MaskedExamples
from infoxlm.tasks.pretraining.masking import Masking, whole_vocabulary


@pytest.fixture
def corpus(tmp_path, tokenizer):
    """German text, and pairs of German and English that share every second sentence with it."""
    german = [f"der Hund läuft {n} schnell" for n in range(60)]
    (tmp_path / "de.txt").write_text("\n".join([*german, "", german[0]]))
    pairs = [f"the dog {n}\t{text}" for n, text in enumerate(german)][::2]
    (tmp_path / "en-de.tsv").write_text("\n".join([*pairs, "no side\t"]))
    (tmp_path / "en-sw.tsv").write_text("\n".join(f"cat {n}\tmtoto {n}" for n in range(9)))
    return open_corpus(
        find_monolingual([tmp_path / "de.txt"]),
        find_parallel([tmp_path]),
        tmp_path / "cache",
        tokenizer,
        held_out=3,
    )


def test_each_language_has_training_and_held_out_examples(corpus):
    assert [store.language for store in corpus.mono] == ["de"]
    assert [store.language for store in corpus.parallel] == ["en-de", "en-sw"]
    assert [len(part) for part in corpus.held_out_blocks(32)] == [3]
    # Of nine pairs none is held out, and so there is nothing to score.
    assert {part.language: len(part) for part in corpus.held_out_pairs(32)} == {"en-de": 3}
    assert {part.language: len(part) for part in corpus.pairs(32)}["en-sw"] == 9


def test_no_training_example_shares_a_sentence_with_a_held_out_one(corpus):
    blocks, pairs = corpus.blocks(32), corpus.pairs(32)
    trained = {
        tuple(part.store.token_ids[sentence].tolist())
        for part in pairs
        for row in range(len(part))
        for sentence in (2 * part.row(row), 2 * part.row(row) + 1)
    }
    (german,) = blocks
    ids = german.take(np.arange(len(german)), np.zeros(0)).ids
    sentences = np.split(ids, np.flatnonzero(ids == EOS_ID) + 1)
    trained |= {tuple(sentence[sentence > 0].tolist()) for sentence in sentences}
    held_out = [*corpus.held_out_blocks(64), *corpus.held_out_pairs(64)]
    for part in held_out:
        for row in range(len(part)):
            for side in range(part.store.width):
                sentence = part.store.token_ids[part.store.width * part.row(row) + side]
                assert tuple(sentence.tolist()) not in trained


def test_vocabulary_is_what_occurs(corpus, tokenizer):
    vocabulary = corpus.vocabulary(tokenizer.mask_id)
    stores = [*corpus.mono, *corpus.parallel]
    occurring = set(np.concatenate([store.token_ids.ids for store in stores]).tolist())
    assert set(vocabulary.tolist()) == occurring | {tokenizer.mask_id, EOS_ID}
    drawn = random_ids(vocabulary, tokenizer.mask_id)
    assert set(drawn.tolist()) == {x for x in occurring if x > UNK_ID}


def test_text_that_is_all_held_out_or_shared_is_refused(tmp_path, tokenizer):
    (tmp_path / "de.txt").write_text("\n".join(f"der Hund {n % 2}" for n in range(40)))
    with pytest.raises(UserError, match="de: all 40 sentences share a text with held-out ones"):
        open_corpus(
            find_monolingual([tmp_path]), {}, tmp_path / "cache", tokenizer, held_out=4
        )  # fmt: skip


def test_real_pairs_make_batches_of_all_losses(shared, tmp_path, tokenizer):
    files = shared / "data" / "parallel" / "flores200"
    corpus = open_corpus(
        find_monolingual([files / "en-de.tsv"]),
        find_parallel([files]),
        tmp_path / "cache",
        tokenizer,
        held_out=50,
    )
    # Row-parallel in fifteen languages: the same fifty English sentences are held out everywhere.
    assert {len(part) for part in corpus.held_out_pairs(64)} == {50}
    assert len({tuple(part.numbers) for part in corpus.held_out_pairs(64)}) == 1
    sizes = {part.language: len(part) for part in corpus.pairs(64)}
    # Fifty German sentences are held out of the text besides; some are those of the pairs.
    assert 1012 - 100 <= sizes.pop("en-de") < 1012 - 50 and set(sizes.values()) == {1012 - 50}
    masking = Masking(tokenizer.mask_id, whole_vocabulary(tokenizer.vocab_size, tokenizer.mask_id))
    for examples in (
        MaskedExamples.of(corpus.blocks(64), masking),
        MaskedExamples.of(corpus.pairs(64), masking),
        ContrastExamples.of(corpus.pairs(64), masking),
    ):
        rows = LanguageSampler(examples.sizes, 0.7, 64, 1).rows(0)
        batch = examples.batch(rows, (1, 0, 0))
        arrays = batch.arrays(np.arange(64))
        assert arrays["input_ids"].shape[1] <= 64 and batch.weights.min() >= 1
        assert len({examples.origin(int(row))["language"] for row in rows}) > 1
