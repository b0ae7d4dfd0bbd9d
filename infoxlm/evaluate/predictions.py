"""predictions.jsonl: every prediction of a run, so that two runs can be compared pair by pair."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infoxlm.constants import LABELS, LANGUAGES
from infoxlm.errors import UserError
from infoxlm.files.atomic import atomic_path
from infoxlm.files.json_file import parse_json, parsed_lines
from infoxlm.schema.json_shapes import fields, items, number, one_of, whole

_KEYS = ("language", "row", "label", "predicted", "probabilities")
_LINE = fields(
    {
        "language": one_of(LANGUAGES),
        "row": whole(),
        "label": one_of(LABELS),
        "predicted": one_of(LABELS),
        "probabilities": items(number(0, 1), len(LABELS)),
    },
    required=_KEYS,
)


@dataclass(frozen=True)
class Predictions:
    """Predictions of one run, a column an attribute.

    Attributes:
        languages: Language codes, str `[n]`.
        rows: Row numbers in the source files, int64 `[n]`; equal for translations.
        labels: Gold label ids, int64 `[n]`.
        predicted: Predicted label ids, int64 `[n]`.
        probabilities: float64 `[n, 3]` in the order of LABELS.
    """

    languages: NDArray[np.str_]
    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    predicted: NDArray[np.int64]
    probabilities: NDArray[np.float64]

    def __len__(self) -> int:
        """Number of predictions."""
        return len(self.rows)

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Whether each prediction is right, `[n]`."""
        return np.equal(self.labels, self.predicted)

    def take(self, index: NDArray[np.int64]) -> "Predictions":
        """The predictions at `index`, in that order."""
        return Predictions(
            self.languages[index],
            self.rows[index],
            self.labels[index],
            self.predicted[index],
            self.probabilities[index],
        )


def write_predictions(path: str | Path, predictions: Predictions) -> None:
    """Write one JSON object a line, with label names and probabilities to six digits."""
    columns = (
        predictions.languages.tolist(),
        predictions.rows.tolist(),
        [LABELS[label] for label in predictions.labels],
        [LABELS[label] for label in predictions.predicted],
        predictions.probabilities.astype(np.float64).round(6).tolist(),
    )
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8") as lines:
        for values in zip(*columns, strict=True):
            record = dict(zip(_KEYS, values, strict=True))
            lines.write(json.dumps(record, allow_nan=False) + "\n")


def read_predictions(path: str | Path) -> Predictions:
    """Read what `write_predictions` wrote.

    Raises:
        UserError: The file is missing, empty, or a line is not a prediction.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path} does not exist", "Give the predictions.jsonl of a finished run.")
    records = list(_records(path))
    if not records:
        raise UserError(f"{path} is empty", "Give the predictions.jsonl of a finished run.")
    language, row, label, predicted, probabilities = zip(*records, strict=True)
    return Predictions(
        np.array(language),
        np.array(row, np.int64),
        np.array(label, np.int64),
        np.array(predicted, np.int64),
        np.array(probabilities, np.float64),
    )


def matched(first: Predictions, second: Predictions) -> tuple[Predictions, Predictions]:
    """Bring two runs into the same order, by language and row.

    Raises:
        UserError: The runs did not predict the same examples with the same gold labels.
    """
    first, second = (each.take(np.lexsort((each.rows, each.languages))) for each in (first, second))
    pairs, others = (
        list(zip(each.languages.tolist(), each.rows.tolist(), strict=True))
        for each in (first, second)
    )
    if pairs != others:
        raise UserError(
            f"The runs scored different examples: of {len(pairs):,} of the first and "
            f"{len(others):,} of the second, {len(set(pairs) & set(others)):,} are the same "
            "language and row",
            "Score both with the same data, data.eval_languages and data.limit_eval.",
        )
    if unlike := int(np.sum(first.labels != second.labels)):
        raise UserError(
            f"The runs scored different data: the gold labels of {unlike:,} of {len(pairs):,} "
            "examples differ",
            "Score both on the same files.",
        )
    return first, second


def _records(path: Path) -> Iterator[tuple[str, int, int, int, list[float]]]:
    try:
        yield from parsed_lines(path, lambda line: _parse(parse_json(line)))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}", "Give another run.") from error
    except ValueError as error:
        raise UserError(
            f"{path} does not hold predictions: {error}",
            f"Each line is a JSON object with {', '.join(_KEYS)}; write the file again.",
        ) from None


def _parse(record: Any) -> tuple[str, int, int, int, list[float]]:
    _LINE(record)
    language, row, label, predicted, probabilities = (record[key] for key in _KEYS)
    return language, row, LABELS.index(label), LABELS.index(predicted), probabilities
