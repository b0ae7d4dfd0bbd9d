"""Differences between two runs in configuration and provenance."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any, NamedTuple

from infoxlm.reporting.sections import Section
from infoxlm.runs.finished_run import FinishedRun

#: Keys of run.json whose values are compared. Seed and device are in the configuration.
_FACTS = (
    "version", "git", "code", "packages", "python", "platform", "cpu", "memory", "environment",
)  # fmt: skip

#: Files that differ are named up to this many; the others are counted.
FILES_NAMED = 4


class Difference(NamedTuple):
    """Something of which two runs have different values.

    Attributes:
        name: The key, package or file.
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
    """Compare two runs' code, packages, machine and the files that they read.

    What is not in both records is left out; see `unrecorded`. Between a training run and an
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
    """Compare code, packages and machine, as far as they are in both records.

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


def unrecorded(first: FinishedRun, second: FinishedRun) -> list[str]:
    """The facts that are not in both records, as an older version wrote less."""
    keys = (*_FACTS, "data", "weights")
    return [key for key in keys if key not in first.record or key not in second.record]


def different_files(
    first: Mapping[str, str], second: Mapping[str, str], *, parts: int
) -> list[Difference]:
    """The files whose content only one of two runs read, wherever they lie, with their SHA-256.

    Args:
        first: SHA-256 by path of what the first run read.
        second: The same of the second run.
        parts: The parts of a path that are the file's name: 2 of /data/test/de.tsv are test/de.tsv.
            More are taken where the run read two files of one name.
    """
    one, other = (_by_name(files, parts) for files in (first, second))
    found = _different(one, other)
    # The same content under another name is no difference.
    renamed = {x.first for x in found} & {x.second for x in found}
    left = [Difference(x.name, *(None if y in renamed else y for y in x[1:])) for x in found]
    return [x for x in left if x.first or x.second]


def _by_name(files: Mapping[str, str], parts: int) -> dict[str, str]:
    """SHA-256 by the last parts of a path, and more parts where these are not enough."""
    paths = {PurePath(path): digest for path, digest in files.items()}
    named = {"/".join(path.parts[-parts:]): digest for path, digest in paths.items()}
    return named if len(named) == len(paths) else _by_name(files, parts + 1)


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


def difference_section(
    title: str,
    differences: Sequence[Difference],
    unrecorded: Sequence[str] = (),
    names: tuple[str, str] = ("A", "B"),
) -> Section:
    """A report's section with two runs' differences side by side.

    Args:
        title: The section's title.
        differences: The values that differ.
        unrecorded: Names that could not be compared, as one record or both have no value.
        names: The runs' names.
    """
    files = [x for x in differences if _is_sha256(x.first) or _is_sha256(x.second)]
    uncounted = files[FILES_NAMED:] if len(files) > FILES_NAMED + 1 else []
    rows = [(x.name, _shown(x.first), _shown(x.second)) for x in differences if x not in uncounted]
    notes = [] if rows else ["Nothing that both records tell." if unrecorded else "Nothing."]
    if uncounted:
        notes.append(f"And {len(uncounted)} more files.")
    if unrecorded:
        notes.append(f"Not compared, as not both records tell it: {', '.join(unrecorded)}.")
    return Section(title, ("", *names), rows, " ".join(notes))


def _is_sha256(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


def _shown(value: Any) -> str:
    """A value in a cell; checksums and commits by their first digits."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    return text[:12] if re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", text) else text
