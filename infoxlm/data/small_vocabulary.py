"""A vocabulary for random models, made from the embedded sample: nothing to download."""

import io
from pathlib import Path

import sentencepiece

from infoxlm.data.source import EMBEDDED, open_source
from infoxlm.errors import UserError
from infoxlm.files.cache import cached_file


def small_vocabulary(vocab_size: int, cache_dir: Path) -> Path:
    """Train a unigram SentencePiece model on the sample, or find it in the cache.

    Args:
        vocab_size: Rows of the embedding table it is for: its pieces, and two more for
            fairseq's offset and ``<mask>``.
        cache_dir: The folder that the model file is kept in.

    Raises:
        UserError: The sample's characters alone need more pieces, or the cache cannot be written.
    """
    file = cache_dir / "vocabularies" / f"sample-{vocab_size}" / "sentencepiece.bpe.model"
    cached_file(file, Path.read_bytes, lambda: train_vocabulary(vocab_size), write_model)
    return file


def train_vocabulary(vocab_size: int) -> bytes:
    """Train a SentencePiece model on all texts of the sample.

    Raises:
        UserError: Its characters alone need more pieces.
    """
    source = open_source(EMBEDDED)
    examples = [
        *source.read("train", "en"),
        *(each for code in source.languages("dev") for each in source.read("dev", code)),
    ]
    texts = [text for each in examples for text in (each.premise, each.hypothesis)]
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
    return model.getvalue()


def write_model(file: Path, model: bytes) -> None:
    """Write a serialized model."""
    file.write_bytes(model)
