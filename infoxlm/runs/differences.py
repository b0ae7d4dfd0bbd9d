"""What two runs were told and what they were made with, where it is not the same."""

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any, NamedTuple

from infoxlm.runs.finished_run import FinishedRun

#: What of run.json is compared as it stands. Seed and device are in the configuration.
_FACTS = (
    "version", "git", "code", "packages", "python", "platform", "cpu", "memory", "environment",
)  # fmt: skip


class Difference(NamedTuple):
    """Something of which two runs have different values.

    Attributes:
        name: What it is.
        first: The first run's value; None where it has none.
        second: The second run's value.
    """

    name: str
    first: Any
    second: Any


def different_settings(first: FinishedRun, second: FinishedRun) -> list[Difference]:
    """The keys of the configuration that differ.

    Between a training run and an evaluation only the keys that both commands have count.
    """
    found = _different(first.settings, second.settings)
    return [one for one in found if first.command == second.command or None not in one]


def different_provenance(first: FinishedRun, second: FinishedRun) -> list[Difference]:
    """What differs in code, packages, machine and in the files that were read.

    What not both records tell is left out; see `untold`. Between a training run and an
    evaluation only data files of the same name count, and no weights: the one starts from them,
    the other scores them.
    """
    one, other = first.record, second.record
    same_command = first.command == second.command
    found = different_facts(one, other)
    if "data" in one and "data" in other:
        files = different_files(one["data"], other["data"], parts=2)
        found += [file for file in files if same_command or None not in file]
    if "weights" in one and "weights" in other and same_command:
        found += different_files(one["weights"], other["weights"], parts=1)
    return found


def different_facts(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[Difference]:
    """What differs in code, packages and machine, of what both records tell.

    Args:
        first: A run.json, or what `describe_process` gives.
        second: Another.
    """
    keys = [key for key in _FACTS if key in first and key in second]
    one, other = (
        {name: value for key in keys for name, value in _leaves(key, record[key])}
        for record in (first, second)
    )
    return _different(one, other)


def untold(first: FinishedRun, second: FinishedRun) -> list[str]:
    """What not both records tell, as an older version wrote less."""
    keys = (*_FACTS, "data", "weights")
    return [key for key in keys if key not in first.record or key not in second.record]


def different_files(
    first: Mapping[str, str], second: Mapping[str, str], *, parts: int
) -> list[Difference]:
    """The files whose content only one of two runs read, wherever they lie, with their SHA-256.

    Args:
        first: SHA-256 by path of what the first run read.
        second: The same of the second run.
        parts: The parts of a path that are the file's name: 2 of /xnli/test/de.tsv are test/de.tsv.
    """
    one, other = (
        {"/".join(PurePath(path).parts[-parts:]): digest for path, digest in files.items()}
        for files in (first, second)
    )
    found = _different(one, other)
    # The same content under another name is no difference.
    renamed = {x.first for x in found} & {x.second for x in found}
    left = [Difference(x.name, *(None if y in renamed else y for y in x[1:])) for x in found]
    return [x for x in left if x.first or x.second]


def _different(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[Difference]:
    """The keys with different values, in their order."""
    return [
        Difference(key, first.get(key), second.get(key))
        for key in {**first, **second}
        if first.get(key) != second.get(key)
    ]


def _leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The plain values in a nested dict, such as ("packages numpy", "1.26.4")."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(f"{name} {key}", item)
    elif value is not None:
        yield name, value
