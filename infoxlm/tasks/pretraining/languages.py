"""The files of a corpus by language, as a configuration chooses them."""

import logging
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path

from infoxlm.errors import UserError
from infoxlm.schema import CorpusConfig
from infoxlm.tasks.pretraining.corpus_files import (
    CorpusFiles,
    find_monolingual,
    find_parallel,
    log_unused_patterns,
)  # fmt: skip
from infoxlm.tasks.pretraining.retrieval_pairs import find_retrieval_pairs

logger = logging.getLogger(__name__)

#: The streams that learn from monolingual text, and those that learn from pairs.
_MONO, _PARALLEL = {"mlm"}, {"tlm", "xlco"}


def find_corpus(data: CorpusConfig, streams: Sequence[str]) -> tuple[CorpusFiles, CorpusFiles]:
    """Find monolingual and parallel files, as far as a stream learns from them.

    Args:
        data: The group ``data``.
        streams: The names of the streams.

    Raises:
        UserError: A path holds no text, or no text is of the languages asked for.
    """
    mono: CorpusFiles = {}
    parallel: CorpusFiles = {}
    read: list[Path] = []
    if _MONO.intersection(streams):
        mono = chosen("data.mono", find_monolingual(_paths(data.mono), data.exclude), data)
        read += _paths(data.mono)
    if _PARALLEL.intersection(streams):
        parallel = chosen("data.parallel", find_parallel(_paths(data.parallel), data.exclude), data)
        read += _paths(data.parallel)
    if data.exclude:  # or every folder would be listed once more for nothing
        log_unused_patterns(read, data.exclude)
    return mono, parallel


def find_pairs(data: CorpusConfig) -> CorpusFiles:
    """Find the pairs that retrieval is scored on; none where none are given.

    Raises:
        UserError: The folder holds no pairs, or none of the languages asked for.
    """
    if data.eval_pairs is None:
        return {}
    return chosen("data.eval_pairs", find_retrieval_pairs(data.eval_pairs), data)


def chosen(key: str, files: CorpusFiles, data: CorpusConfig) -> CorpusFiles:
    """Those files whose languages all take part; a language without any is logged.

    Raises:
        UserError: There are none.
    """
    if data.languages is None:
        return files
    # By name: a code may have hyphens itself, such as zh-Hant.
    names = {code: {code} for code in data.languages}
    names |= {f"{a}-{b}": {a, b} for a, b in permutations(data.languages, 2)}
    kept = {name: rows for name, rows in files.items() if name in names}
    if not kept:
        raise UserError(
            f"{key} has no text in data.languages=[{','.join(data.languages)}], but in "
            f"{', '.join(files)}",
            "Name languages of these, two for translations, or leave data.languages out.",
        )
    if missing := set(data.languages).difference(*(names[name] for name in kept)):
        logger.warning("%s has no text in %s", key, ", ".join(sorted(missing)))
    return kept


def _paths(names: Sequence[str]) -> list[Path]:
    return [Path(name).expanduser() for name in names]
