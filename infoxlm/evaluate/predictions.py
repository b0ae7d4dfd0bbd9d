"""predictions.jsonl: every prediction of a run, so that two runs can be compared one by one."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infoxlm.errors import UserError
from infoxlm.files.atomic import atomic_file
from infoxlm.files.json_file import parse_json, parsed_lines
from infoxlm.schema.json_shapes import (
    MisfitError,
    entries,
    fields,
    items,
    number,
    text,
    whole,
)

#: The columns that mean the same in every task that has them: the answer in the data, and the
#: model's.
GOLD, ANSWER = "label", "predicted"

_OWN_KEYS = ("language", "row", "values")
_LINE = fields(
    {"language": text, "row": whole(), "values": entries(number(-1e300, 1e300))},
    required=["language", "row"],
)
#: A line of versions before, which scored by accuracy alone and did not write it down.
_LINE_OF_BEFORE = fields(
    {GOLD: text, ANSWER: text, "probabilities": items(number(0, 1))}, required=[GOLD, ANSWER]
)


@dataclass(frozen=True, eq=False)
class Predictions:
    """Predictions of one run.

    Attributes:
        languages: Language codes, str `[n]`.
        rows: Row numbers in the source files, int64 `[n]`; equal for translations.
        values: The score of each prediction, float64 `[n]` by metric.
        columns: Further columns of the task, plain JSON `[n]` by key.
    """

    languages: NDArray[np.str_]
    rows: NDArray[np.int64]
    values: Mapping[str, NDArray[np.float64]]
    columns: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        counts = {len(self.rows), len(self.languages)}
        counts |= {len(found) for found in self.values.values()}
        counts |= {len(found) for found in self.columns.values()}
        if len(counts) > 1:
            raise ValueError(f"columns of {sorted(counts)} predictions")

    def __len__(self) -> int:
        """Number of predictions."""
        return len(self.rows)

    def by_language(self) -> dict[str, NDArray[np.int64]]:
        """The numbers of each language's predictions, in the order in which languages come."""
        return {
            language: np.flatnonzero(self.languages == language)
            for language in dict.fromkeys(self.languages.tolist())
        }

    def take(self, index: NDArray[np.int64]) -> "Predictions":
        """The predictions at `index`, in that order."""
        return Predictions(
            self.languages[index],
            self.rows[index],
            {name: found[index] for name, found in self.values.items()},
            {name: [found[i] for i in index.tolist()] for name, found in self.columns.items()},
        )


def is_binary(values: NDArray[np.float64]) -> bool:
    """Tell whether each value is 0 or 1, as those of accuracy are."""
    return bool(np.isin(values, (0, 1)).all())


def write_predictions(path: str | Path, predictions: Predictions) -> None:
    """Write one JSON object a line."""
    columns = {
        "language": predictions.languages.tolist(),
        "row": predictions.rows.tolist(),
        **predictions.columns,
    }
    values = [predictions.values[name].tolist() for name in predictions.values]
    with atomic_file(path) as temporary, open(temporary, "w", encoding="utf-8") as lines:
        for cells, worth in zip(
            zip(*columns.values(), strict=True), zip(*values, strict=True), strict=True
        ):
            record = dict(zip(columns, cells, strict=True))
            record["values"] = dict(zip(predictions.values, worth, strict=True))
            lines.write(json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n")


def read_predictions(path: str | Path) -> Predictions:
    """Read what `write_predictions` wrote, in this version or before.

    Raises:
        UserError: The file is missing, empty, or a line is not a prediction.
    """
    path, remedy = Path(path), "Give the predictions.jsonl of a finished run."
    if not path.is_file():
        raise UserError(f"{path} does not exist", remedy)
    try:
        records = list(parsed_lines(path, _Parser()))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}", "Give another run.") from error
    except ValueError as error:
        raise UserError(
            f"{path} does not hold predictions: {error}",
            "Each line is a JSON object with language, row and values; write the file again.",
        ) from None
    if not records:
        raise UserError(f"{path} is empty", remedy)
    first = records[0]
    return Predictions(
        np.array([record["language"] for record in records]),
        np.array([record["row"] for record in records], np.int64),
        {
            name: np.array([record["values"][name] for record in records], np.float64)
            for name in first["values"]
        },
        {name: [record[name] for record in records] for name in first if name not in _OWN_KEYS},
    )


class _Parser:
    """Turns lines into records that all have the keys of the first."""

    def __init__(self) -> None:
        self.keys: tuple[set[str], set[str]] | None = None

    def __call__(self, line: str) -> dict[str, Any]:
        record: dict[str, Any] = parse_json(line)
        _LINE(record)
        if "values" not in record:
            _LINE_OF_BEFORE(record)
            record["values"] = {"accuracy": float(record[GOLD] == record[ANSWER])}
        if not record["values"]:
            raise MisfitError("has no values")
        keys = set(record), set(record["values"])
        self.keys = self.keys or keys
        for found, expected in zip(keys, self.keys, strict=True):
            if found != expected:
                odd = sorted(found ^ expected)[0]
                raise MisfitError(f"has not the keys of the first line, such as {odd!r}")
        return record


def concatenated(runs: Sequence[Predictions]) -> Predictions:
    """The predictions of several runs one behind the other, without the tasks' columns.

    Args:
        runs: At least one; the metrics of the first are taken of all.
    """
    return Predictions(
        np.concatenate([run.languages for run in runs]),
        np.concatenate([run.rows for run in runs]),
        {name: np.concatenate([run.values[name] for run in runs]) for name in runs[0].values},
    )


def matched(first: Predictions, second: Predictions) -> tuple[Predictions, Predictions]:
    """Bring two runs into the same order, by language and row.

    Raises:
        UserError: The runs did not predict the same examples with the same right answers.
    """
    place = {language: i for i, language in enumerate(first.by_language())}
    first, second = (_by_language_and_row(each, place) for each in (first, second))
    examples, others = (
        list(zip(each.languages.tolist(), each.rows.tolist(), strict=True))
        for each in (first, second)
    )
    if examples != others:
        raise UserError(
            f"the runs scored different examples: of {len(examples):,} of the first and "
            f"{len(others):,} of the second, {len(set(examples) & set(others)):,} are the same "
            "language and row",
            "Score both with the same data, data.eval_languages and data.limit_eval.",
        )
    gold = [each.columns[GOLD] for each in (first, second) if GOLD in each.columns]
    unlike = sum(x != y for x, y in zip(*gold, strict=True)) if len(gold) == 2 else 0
    if unlike:
        raise UserError(
            f"the runs scored different data: the gold labels of {unlike:,} of {len(examples):,} "
            "examples differ",
            "Score both on the same files.",
        )
    return first, second


def unlike_answers(first: Predictions, second: Predictions) -> NDArray[np.int64]:
    """Find where two runs' answers differ or, without recorded answers, their scores.

    Args:
        first: One run's predictions.
        second: Another's of the same examples in the same order.
    """
    answers = [each.columns.get(ANSWER) for each in (first, second)]
    if answers[0] is not None and answers[1] is not None:
        return np.flatnonzero([x != y for x, y in zip(*answers, strict=True)])
    common = first.values.keys() & second.values.keys()
    unlike = [first.values[name] != second.values[name] for name in common]
    return np.flatnonzero(np.any(unlike, axis=0))


def _by_language_and_row(predictions: Predictions, place: Mapping[str, int]) -> Predictions:
    """Predictions sorted by their languages' places and row, those of other languages behind."""
    languages = predictions.languages.tolist()
    places = np.array([place.get(language, len(place)) for language in languages])
    return predictions.take(np.lexsort((predictions.rows, predictions.languages, places)))
