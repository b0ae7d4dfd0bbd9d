"""A split in several languages, tokenized."""

from collections.abc import Sequence
from pathlib import Path

from infoxlm.data.source import DataSource
from infoxlm.data.token_cache import EncodedExamples, load_or_encode
from infoxlm.errors import UserError
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer


def require_languages(source: DataSource, split: str, languages: Sequence[str]) -> None:
    """Check that a source has the languages asked for, before anything expensive starts.

    Raises:
        UserError: The split or some of the languages are missing.
    """
    present = source.languages(split)
    other = "data.root or data.train_root" if split == "train" else "data.root"
    if not present:
        raise UserError(f"{source.name} has no {split} pairs", f"Give another {other}.")
    missing = [language for language in languages if language not in present]
    if missing:
        key = "train_languages" if split == "train" else "eval_languages"
        raise UserError(
            f"{source.name} has no {split} pairs in {' '.join(missing)}",
            f"It has {' '.join(present)}: change data.{key}, or give another {other}.",
        )


def encode_split(
    source: DataSource,
    split: str,
    languages: Sequence[str],
    tokenizer: InfoXLMTokenizer,
    *,
    max_length: int,
    limit: int | None,
    cache_dir: Path,
) -> list[EncodedExamples]:
    """Read and tokenize one split, a language after the other, through the token cache.

    Args:
        source: Where the pairs come from.
        split: ``train``, ``dev`` or ``test``.
        languages: Codes of the languages.
        tokenizer: What encodes the pairs.
        max_length: Most tokens of a pair.
        limit: Rows a language, the same in each; None: all.
        cache_dir: Where token ids are kept.

    Raises:
        UserError: The source or the cache is at fault, or a language has no labelled pair.
    """
    encoded = []
    for language in languages:
        examples = load_or_encode(
            source,
            split,
            language,
            tokenizer,
            max_length=max_length,
            limit=limit,
            cache_dir=cache_dir / "tokens",
        )
        if not len(examples.labels):
            raise UserError(
                f"{source.name}: {split} {language} has no labelled pair",
                "Give a file with pairs, or leave the language out.",
            )
        encoded.append(examples)
    return encoded
