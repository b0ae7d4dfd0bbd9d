"""A split in several languages, tokenized."""

from collections.abc import Mapping, Sequence
from typing import Any

from infoxlm.data.examples import Examples
from infoxlm.data.source import DataSource
from infoxlm.data.token_cache import Encode, TokenCache
from infoxlm.errors import UserError
from infoxlm.reporting.counts import counted


def check_languages_present(
    source: DataSource, split: str, languages: Sequence[str], nouns: str = "pairs"
) -> None:
    """Check that a source has the languages asked for, before anything expensive starts.

    Args:
        source: Where the examples come from.
        split: ``train``, ``dev`` or ``test``.
        languages: Codes of the languages.
        nouns: What its examples are called in messages.

    Raises:
        UserError: The split or some of the languages are missing.
    """
    present = source.languages(split)
    training = split == "train"
    if not present:
        remedy = "Give data.train_root=FILE_OR_FOLDER." if training else "Give another data.root."
        tried = " ".join(languages)
        named = f" in {tried} or another language" if tried else ""
        raise UserError(f"{source.name} has no {split} {nouns}{named}", remedy)
    missing = [language for language in languages if language not in present]
    if missing:
        key = "train_languages" if training else "eval_languages"
        other = "data.train_root=FILE_OR_FOLDER" if training else "another data.root"
        raise UserError(
            f"{source.name} has no {split} {nouns} in {' '.join(missing)}",
            f"It has {' '.join(present)}: change data.{key}, or give {other}.",
        )


def encode_split(
    source: DataSource,
    split: str,
    languages: Sequence[str],
    cache: TokenCache,
    encode: Encode,
    *,
    limit: int | None,
    options: Mapping[str, Any] | None = None,
) -> list[Examples]:
    """Read and tokenize one split, a language after the other, through the token cache.

    Args:
        source: The source of the examples.
        split: ``train``, ``dev`` or ``test``.
        languages: Codes of the languages.
        cache: The cache of token ids.
        encode: Makes numbers of some thousand examples.
        limit: Rows a language, the same in each; None: all.
        options: Other settings that `encode` depends on.

    Raises:
        UserError: The source or the cache is at fault, or a language has no labelled example.
    """
    encoded = []
    for language in languages:
        examples = cache.load(source, split, language, encode, limit=limit, options=options)
        if not len(examples):
            problem = f"{source.name}: {split} {language} has no example that can be used"
            if limit is None:
                raise UserError(problem, "Give a file with some, or leave the language out.")
            raise UserError(
                f"{problem} within the limit of {counted(limit, 'row')}",
                f"Raise data.limit_{'train' if split == 'train' else 'eval'}, give a file with "
                "some, or leave the language out.",
            )
        encoded.append(examples)
    return encoded
