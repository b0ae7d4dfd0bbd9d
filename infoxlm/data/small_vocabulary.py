"""A vocabulary for random models, made from the embedded sample: nothing to download."""

import io
from pathlib import Path

import sentencepiece
from filelock import FileLock

from infoxlm.data.source import EMBEDDED, open_source
from infoxlm.errors import UserError
from infoxlm.files.atomic import atomic_file


def small_vocabulary(vocab_size: int, cache_dir: Path) -> Path:
    """Train a unigram SentencePiece model on the sample, or find it in the cache.

    Args:
        vocab_size: Rows of the embedding table it is for: its pieces, and two more for
            fairseq's offset and ``<mask>``.
        cache_dir: Where the model file is kept.

    Raises:
        UserError: The sample's characters alone need more pieces, or the cache cannot be written.
    """
    path = cache_dir / "vocabularies" / f"sample-{vocab_size}" / "sentencepiece.bpe.model"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.parent / "lock").acquire()
    except OSError as error:
        raise UserError(
            f"the cache {path.parent} cannot be written: {error.strerror or error}",
            "Set data.cache_dir to a folder that is writable.",
        ) from error
    with lock:
        if not path.is_file():
            source = open_source(EMBEDDED)
            pairs = [
                *source.read("train", "en"),
                *(pair for code in source.languages("dev") for pair in source.read("dev", code)),
            ]
            texts = [text for pair in pairs for text in (pair.premise, pair.hypothesis)]
            model = io.BytesIO()
            try:
                sentencepiece.SentencePieceTrainer.train(
                    sentence_iterator=iter(texts),
                    model_writer=model,
                    vocab_size=vocab_size - 2,
                    hard_vocab_limit=False,  # the sample has 4,000 pieces; more rows do no harm
                    character_coverage=1.0,
                    minloglevel=2,
                    num_threads=1,  # the order in which threads finish would change the pieces
                )
            except RuntimeError as error:
                raise UserError(
                    f"model.shape.vocab_size={vocab_size} is too small for the sample's characters",
                    "Set it to 1000 or more.",
                ) from error
            with atomic_file(path) as temporary:
                temporary.write_bytes(model.getvalue())
    return path
