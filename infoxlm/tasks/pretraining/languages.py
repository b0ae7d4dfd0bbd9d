"""The files of a corpus by language, as a configuration chooses them."""

from collections.abc import Sequence
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
    """Those files whose languages all take part.

    Raises:
        UserError: There are none.
    """
    if data.languages is None:
        return files
    wanted = set(data.languages)
    kept = {codes: rows for codes, rows in files.items() if set(codes.split("-")) <= wanted}
    if not kept:
        raise UserError(
            f"{key} has no text in data.languages=[{','.join(data.languages)}], but in "
            f"{', '.join(files)}",
            "Name two of these for translations, or leave data.languages out.",
        )
    return kept


def _paths(names: Sequence[str]) -> list[Path]:
    return [Path(name).expanduser() for name in names]
