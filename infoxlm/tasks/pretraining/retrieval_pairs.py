"""Translation pairs that retrieval is scored on while a model is pre-trained."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from infoxlm.data.examples import Examples
from infoxlm.data.token_cache import TokenCache
from infoxlm.errors import UserError
from infoxlm.reporting.counts import counted
from infoxlm.tasks.pretraining.corpus_files import CorpusFiles, find_parallel
from infoxlm.tasks.pretraining.sequences import joined
from infoxlm.tasks.pretraining.stored_examples import NONE
from infoxlm.tasks.pretraining.token_store import open_store
from infoxlm.tokenization.token_ids import TokenIds

#: The first languages of pairs that go by their second language alone.
_ENGLISH = ("en", "eng")

#: Pairs that a language must have, or finding the right one says nothing.
LEAST = 2


@dataclass(frozen=True, eq=False)
class RetrievalPairs(Examples):
    """Sentences of a language with their translations, most often English ones.

    Attributes:
        translations: The translations, ``n`` sequences; `token_ids` are the sentences.
    """

    translations: TokenIds = NONE


def find_retrieval_pairs(folder: str) -> CorpusFiles:
    """Find the files of pairs by their languages, in any form of ``data.parallel``.

    Raises:
        UserError: There are none.
    """
    return find_parallel([Path(folder).expanduser()], key="data.eval_pairs")


def load_retrieval_pairs(
    files: CorpusFiles, cache: TokenCache, limit: int | None = None
) -> list[RetrievalPairs]:
    """Tokenize pairs, or take them from the cache.

    Args:
        files: The files by pairs of languages.
        cache: The cache of encoded examples.
        limit: Only the first so many of each pair of languages.

    Raises:
        UserError: A file is at fault, or has too few pairs.
    """
    loaded = []
    for pair, sources in files.items():
        store = open_store(pair, sources, cache.folder, cache.tokenizer)
        numbers = 2 * np.arange(min(len(store), limit or len(store)))
        if len(numbers) < LEAST:
            raise UserError(
                f"data.eval_pairs: {counted(len(numbers), 'pair')} of {sources[0]}",
                f"There must be at least {LEAST} to choose from: give more, or raise "
                "data.eval_limit and trainer.eval_limit.",
            )
        first, second = (
            joined(store.token_ids, (numbers + side)[None], cache.max_length) for side in (0, 1)
        )
        english, _, other = pair.partition("-")
        loaded.append(
            RetrievalPairs(
                second,
                {},
                np.array(store.arrays["rows"].values[: len(numbers)], np.int64),
                other if english in _ENGLISH else pair,
                str(sources[0]),
                translations=first,
            )
        )
    return loaded
