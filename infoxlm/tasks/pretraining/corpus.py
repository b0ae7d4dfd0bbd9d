"""A corpus: monolingual text and translation pairs, tokenized, with a part held out."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from infoxlm.constants import UNK_ID
from infoxlm.errors import UserError
from infoxlm.tasks.pretraining.blocks import open_blocks
from infoxlm.tasks.pretraining.corpus_files import CorpusFiles
from infoxlm.tasks.pretraining.held_out import Split, split_stores
from infoxlm.tasks.pretraining.sequences import Blocks, Pairs
from infoxlm.tasks.pretraining.token_store import TokenStore, open_store
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Corpus:
    """Tokenized text of a pre-training.

    Attributes:
        mono: Monolingual sentences, a store a language.
        parallel: Translation pairs, a store a pair of languages.
        splits: What is held out of each, by store.
        cache_dir: The cache's folder.
    """

    mono: Sequence[TokenStore]
    parallel: Sequence[TokenStore]
    splits: dict[TokenStore, Split]
    cache_dir: Path

    def blocks(self, max_length: int) -> list[Blocks]:
        """The training blocks of each language.

        Raises:
            UserError: The cache cannot be written.
        """
        found = []
        for store in self.mono:
            removed = self.splits[store].training.removed
            mapped = open_blocks(store, removed, max_length, self.cache_dir)
            found.append(Blocks(store, mapped.values, mapped))
        return found

    def held_out_blocks(self, max_length: int, limit: int | None = None) -> list[Blocks]:
        """The held-out sentences of each language that has some, each a block of its own.

        Args:
            max_length: Most tokens of a block.
            limit: Only the first so many of each language.
        """
        return [
            Blocks.of_sentences(store, self.splits[store].held_out[:limit], max_length)
            for store in self.mono
            if len(self.splits[store].held_out)
        ]

    def pairs(self, max_length: int) -> list[Pairs]:
        """The training pairs of each pair of languages."""
        return [Pairs(store, self.splits[store].training, max_length) for store in self.parallel]

    def held_out_pairs(self, max_length: int, limit: int | None = None) -> list[Pairs]:
        """The held-out pairs of each pair of languages that has some; as `held_out_blocks`."""
        return [
            Pairs(store, self.splits[store].held_out[:limit], max_length)
            for store in self.parallel
            if len(self.splits[store].held_out)
        ]

    def vocabulary(self, mask_id: int) -> np.ndarray:
        """All ids that occur, held-out text included, and ``<mask>``; sorted, int64."""
        stores = (*self.mono, *self.parallel)
        return np.unique(np.concatenate([[mask_id], *(store.vocabulary for store in stores)]))


def open_corpus(
    mono: CorpusFiles,
    parallel: CorpusFiles,
    cache_dir: Path,
    tokenizer: InfoXLMTokenizer,
    *,
    scored: CorpusFiles | None = None,
    held_out: int = 200,
    refuse_faulty: bool = False,
) -> Corpus:
    """Tokenize a corpus, or map what the cache has of it, and hold a part out.

    Args:
        mono: The files of each language, from `find_monolingual`.
        parallel: The files of each pair of languages, from `find_parallel`.
        cache_dir: The cache's folder.
        tokenizer: The tokenizer.
        scored: The files of pairs that retrieval is scored on: no text of theirs is trained on.
        held_out: Sentences, or pairs, that are held out of each language; at most a tenth.
        refuse_faulty: Refuse empty texts instead of leaving them out.

    Raises:
        UserError: A file is at fault, or a language has no text to train on.
    """

    def opened(files: CorpusFiles, refuse_faulty: bool) -> list[TokenStore]:
        return [
            open_store(language, sources, cache_dir, tokenizer, refuse_faulty=refuse_faulty)
            for language, sources in files.items()
        ]

    stores = opened(mono, refuse_faulty), opened(parallel, refuse_faulty)
    every = [*stores[0], *stores[1]]
    pairs = opened(scored or {}, False)
    splits = dict(zip(every, split_stores(every, held_out, pairs), strict=True))
    for store, split in splits.items():
        nouns = "sentences" if store.width == 1 else "pairs"
        if not len(split.training):
            raise UserError(
                f"{store.language}: all {len(store):,} {nouns} share a text with held-out ones"
                f"{' or those of data.eval_pairs' if pairs else ''}",
                "Lower data.held_out, give more text, or leave its files out with data.exclude.",
            )
    for kind, of in zip(("sentences", "pairs"), stores, strict=True):
        log_sizes(kind, {store.language: splits[store] for store in of})
    return Corpus(*stores, splits, cache_dir)


def log_sizes(kind: str, splits: Mapping[str, Split]) -> None:
    """Log how many sentences or pairs there are, by language; nothing where there are none."""
    if not splits:
        return
    sizes = {name: len(split.training) for name, split in splits.items()}
    held_out = sum(len(split.held_out) for split in splits.values())
    shared = sum(len(split.training.removed) for split in splits.values()) - held_out
    logger.info(
        "%s %s to learn from (%s); %s held out, %s left out for sharing a text with what is scored",
        f"{sum(sizes.values()):,}", kind,
        ", ".join(f"{name} {size:,}" for name, size in sizes.items()), f"{held_out:,}",
        f"{shared:,}",
    )  # fmt: skip


def random_ids(vocabulary: np.ndarray, mask_id: int) -> np.ndarray:
    """The ids of a restricted vocabulary that masking may put in the place of others."""
    return vocabulary[(vocabulary > UNK_ID) & (vocabulary != mask_id)]
