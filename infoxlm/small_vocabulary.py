"""A vocabulary for random models, made from the embedded sample: nothing to download."""

import io
from pathlib import Path

import sentencepiece
from filelock import FileLock

from infoxlm.atomic import atomic_path
from infoxlm.constants import LANGUAGES
from infoxlm.data.source import EMBEDDED, open_source


def small_vocabulary(vocab_size: int, cache_dir: Path) -> Path:
    """Train a unigram SentencePiece model on the sample, or find it in the cache.

    Args:
        vocab_size: Rows of the embedding table it is for: its pieces, and two more for
            fairseq's offset and ``<mask>``.
        cache_dir: Where the model file is kept.
    """
    path = cache_dir / "vocabularies" / f"sample-{vocab_size}" / "sentencepiece.bpe.model"
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.parent / "lock"):
        if not path.is_file():
            source = open_source(EMBEDDED)
            pairs = [
                *source.read("train", "en"),
                *(pair for language in LANGUAGES for pair in source.read("dev", language)),
            ]
            texts = [text for pair in pairs for text in (pair.premise, pair.hypothesis)]
            model = io.BytesIO()
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(texts),
                model_writer=model,
                vocab_size=vocab_size - 2,
                character_coverage=1.0,
                minloglevel=2,
                num_threads=1,  # the order in which threads finish would change the pieces
            )
            with atomic_path(path) as temporary:
                temporary.write_bytes(model.getvalue())
    return path
