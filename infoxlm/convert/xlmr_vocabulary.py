"""XLM-R's vocabulary as the SentencePiece model that tokenizers read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from infoxlm.errors import UserError
from infoxlm.tokenization.sentencepiece_model import Unigram, build_model, protocol

#: Scripts that joined Unicode after XLM-R's vocabulary was made (2019, Unicode 12) and have
#: characters composed of two others: sentencepiece composes them now, XLM-R's does not.
YOUNGER_SCRIPTS = (
    range(0x105C0, 0x10600),  # Todhri, Unicode 16
    range(0x11380, 0x11400),  # Tulu-Tigalari, Unicode 16
    range(0x11900, 0x11960),  # Dives Akuru, Unicode 13
    range(0x16100, 0x16140),  # Gurung Khema, Unicode 16
    range(0x16D40, 0x16D80),  # Kirat Rai, Unicode 16
)


@dataclass(frozen=True)
class Vocabulary:
    """A unigram vocabulary in fairseq's order.

    Attributes:
        pieces: ``<s> <pad> </s> <unk>``, the pieces proper, ``<mask>``.
        scores: The log-probability of each piece.
        normaliser: What normalisation turns a character into; characters that stay as they
            are have no entry.
    """

    pieces: tuple[str, ...]
    scores: np.ndarray
    normaliser: Mapping[str, str]


def sentencepiece_model(vocabulary: Vocabulary) -> bytes:
    """The contents of ``sentencepiece.bpe.model``."""
    pieces = zip(vocabulary.pieces[4:-1], map(float, vocabulary.scores[4:-1]), strict=True)
    charsmap = compiled_rules(normaliser_rules(vocabulary.normaliser))
    return build_model(Unigram(tuple(pieces), charsmap))


def normaliser_rules(single: Mapping[str, str]) -> dict[str, str]:
    """XLM-R's nmt_nfkc: its own single characters, and today's sequences that it had too.

    sentencepiece renews its nmt_nfkc with Unicode, and no longer turns U+200D into a space.
    What a vocabulary file records are single characters. The sequences (a letter and its
    accents that become one character) come from the installed sentencepiece, without those
    that contain a character it changes and XLM-R does not, or that is of a younger script.

    Args:
        single: What becomes of each character that changes.

    Returns:
        Source text to its replacement.
    """
    installed = dict(_normalizer(rule_name="nmt_nfkc").Decompile())
    newly_changed = {source for source in installed if len(source) == 1 and source not in single}

    def is_younger(character: str) -> bool:
        return character in newly_changed or any(
            ord(character) in script for script in YOUNGER_SCRIPTS
        )

    sequences = {
        source: target
        for source, target in installed.items()
        if len(source) > 1 and not any(map(is_younger, source))
    }
    return {**single, **sequences}


def compiled_rules(rules: Mapping[str, str]) -> bytes:
    """Rules in the form a SentencePiece model holds them in (a trie)."""
    normalizer = _normalizer(norm_map=list(rules.items()))
    spec = protocol().NormalizerSpec()
    spec.ParseFromString(normalizer.serialized_normalizer_spec())
    if dict(normalizer.Decompile()) != dict(rules):
        raise RuntimeError("sentencepiece compiled other normalisation rules than it was given")
    return spec.precompiled_charsmap


def _normalizer(**source: Any) -> Any:
    """A normaliser, made from ``rule_name`` or ``norm_map``."""
    import sentencepiece

    if not hasattr(sentencepiece.SentencePieceNormalizer, "Decompile"):
        raise UserError(
            f"sentencepiece {sentencepiece.__version__} cannot compile normalisation rules",
            'Run `pip install "sentencepiece>=0.2.3"`.',
        )
    sentencepiece.set_min_log_level(2)  # it reports every step of compiling
    return sentencepiece.SentencePieceNormalizer(**source)
