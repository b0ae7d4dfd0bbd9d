"""XLM-R's vocabulary as the SentencePiece model that this package encodes with."""

from dataclasses import dataclass
from typing import Any

from infoxlm.errors import UserError

#: Pieces that sentencepiece numbers first; fairseq has ``<s> <pad> </s> <unk>`` instead.
CONTROL_PIECES = 3

#: How sentencepiece writes a space in its pieces.
META_SPACE = "\u2581"


@dataclass(frozen=True)
class Unigram:
    """A unigram vocabulary without its special tokens.

    Attributes:
        pieces: Each piece and its log-probability, in the order of their ids.
        charsmap: The normaliser's table, as sentencepiece and `tokenizers` both store it.
    """

    pieces: tuple[tuple[str, float], ...]
    charsmap: bytes


def build_model(unigram: Unigram) -> bytes:
    """The contents of ``sentencepiece.bpe.model``.

    SentencePiece's own order is ``<unk> <s> </s>`` and then the pieces proper, so that a piece's
    id is one less than fairseq's; ``<pad>`` and ``<mask>`` are not in the file.
    """
    messages = protocol()
    model = messages.ModelProto()
    kind = messages.ModelProto.SentencePiece
    model.pieces.add(piece="<unk>", score=0.0, type=kind.UNKNOWN)
    for control in ("<s>", "</s>"):
        model.pieces.add(piece=control, score=0.0, type=kind.CONTROL)
    for piece, score in unigram.pieces:
        model.pieces.add(piece=piece, score=score)
    trainer = model.trainer_spec
    trainer.model_type = messages.TrainerSpec.UNIGRAM
    trainer.vocab_size = len(model.pieces)
    trainer.unk_id, trainer.bos_id, trainer.eos_id, trainer.pad_id = 0, 1, 2, -1
    normalizer = model.normalizer_spec
    normalizer.name = "nmt_nfkc"
    normalizer.precompiled_charsmap = unigram.charsmap
    normalizer.add_dummy_prefix = True
    normalizer.remove_extra_whitespaces = True
    normalizer.escape_whitespaces = True
    return model.SerializeToString()


def read_model(content: bytes) -> Unigram:
    """Read a model that `build_model` could have written.

    Raises:
        UserError: It does more than such a model: what is named cannot be put into other forms.
    """
    messages = protocol()
    model = messages.ModelProto.FromString(content)
    kind = messages.ModelProto.SentencePiece
    spec = model.normalizer_spec
    for holds, what in (
        (model.trainer_spec.model_type == messages.TrainerSpec.UNIGRAM, "is no unigram model"),
        (not model.trainer_spec.byte_fallback, "falls back to bytes"),
        (not model.trainer_spec.treat_whitespace_as_suffix, "ends words with their space"),
        (spec.add_dummy_prefix, "puts no space before a text"),
        (spec.remove_extra_whitespaces, "keeps extra spaces"),
        (spec.escape_whitespaces, "keeps spaces as they are"),
        (spec.precompiled_charsmap, "has no table of characters"),
        (
            all(piece.type == kind.NORMAL for piece in model.pieces[CONTROL_PIECES:]),
            "has pieces that its user defined, or unused ones",
        ),
    ):
        if not holds:
            raise UserError(
                f"the sentencepiece model {what}, unlike XLM-R's",
                "Use it through sentencepiece; a tokenizer.json cannot say the same.",
            )
    pieces = tuple((piece.piece, piece.score) for piece in model.pieces[CONTROL_PIECES:])
    return Unigram(pieces, spec.precompiled_charsmap)


def spaced_normalizer(content: bytes) -> Any:
    """The normaliser of a model that keeps spaces where and as they are."""
    import sentencepiece

    spec = protocol().ModelProto.FromString(content).normalizer_spec
    return sentencepiece.SentencePieceNormalizer(
        normalizer_spec=spec.SerializeToString(),
        add_dummy_prefix=False,
        escape_whitespaces=False,
        remove_extra_whitespaces=False,
    )


def without_charsmap(content: bytes) -> bytes:
    """A model for texts that its normaliser has seen already."""
    model = protocol().ModelProto.FromString(content)
    model.normalizer_spec.precompiled_charsmap = b""
    model.normalizer_spec.name = "identity"
    return model.SerializeToString()


def protocol() -> Any:
    """Sentencepiece's message classes, which protobuf makes at run time."""
    from sentencepiece import sentencepiece_model_pb2

    return sentencepiece_model_pb2
