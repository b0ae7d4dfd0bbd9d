"""A step whose loss or gradient is not finite: everything that is needed to look into it."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from infoxlm.errors import UserError
from infoxlm.files.json_file import read_json_object
from infoxlm.schema.json_shapes import fields, items, number, optional, text, whole
from infoxlm.tasks.stream import TrainingStream
from infoxlm.train.train_module import StreamLoss

BATCH = "batch.json"

_NUMBER = number(-1e38, 1e38)
_EXAMPLE = {"language": text, "file": text, "row": whole(), "loss": optional(_NUMBER)}
_BATCH = fields(
    {
        "step": whole(1),
        "learning_rate": _NUMBER,
        "loss": optional(_NUMBER),
        "gradient_norm": optional(_NUMBER),
        "pairs": items(fields({**_EXAMPLE, "sequence": whole()}, required=list(_EXAMPLE))),
    },
    required=["pairs"],
)


@dataclass(frozen=True)
class FailedStep:
    """An optimizer step that was not taken.

    Attributes:
        step: Its number, 1 being the first.
        learning_rate: Its learning rate.
        loss: Mean loss of its examples; None where it is not finite.
        gradient_norm: Global norm of the gradient; None where it is not finite.
        examples: ``language``, ``file``, ``row`` and ``loss`` of each, and ``sequence``
            where a row makes several; the file calls them pairs.
    """

    step: int
    learning_rate: float
    loss: float | None
    gradient_norm: float | None
    examples: list[dict[str, Any]]

    @property
    def non_finite_examples(self) -> list[dict[str, Any]]:
        """The examples whose own loss is not finite."""
        return [example for example in self.examples if example["loss"] is None]

    def error(self, file: Path) -> UserError:
        """The error for the user: the step, the examples at fault, and a remedy.

        Args:
            file: The batch.json that was written.
        """
        what = "loss" if self.loss is None else "gradient"
        found = self.non_finite_examples
        whose = ""
        if found:
            first = found[0]
            whose = (
                f" ({len(found)} of {len(self.examples)} examples, the first {first['file']} "
                f"row {first['row']})"
            )
        return UserError(
            f"the {what} of step {self.step} is not finite{whose}, at a learning rate of "
            f"{self.learning_rate:g}; the step was not taken",
            "Lower optimizer.learning_rate or optimizer.max_grad_norm; to look into the batch, "
            f"give the same command with trainer.replay={file}",
        )

    def write(self, folder: Path) -> Path:
        """Write ``batch.json`` into a folder, and return its path."""
        path = folder / BATCH
        failed = asdict(self)
        failed["pairs"] = failed.pop("examples")
        path.write_text(json.dumps(failed, indent=1, ensure_ascii=False) + "\n", "utf-8")
        return path

    @classmethod
    def read(cls, path: Path) -> "FailedStep":
        """Read a ``batch.json``.

        Raises:
            UserError: The file is missing or not one of these.
        """
        remedy = f"Give checkpoints/failed_step/{BATCH} of a run whose loss became not finite."
        try:
            failed = read_json_object(path)
            _BATCH(failed)
            failed["examples"] = failed.pop("pairs")
            return cls(**failed)
        except FileNotFoundError as error:
            raise UserError(f"trainer.replay={path} does not exist", remedy) from error
        except (ValueError, TypeError, OSError) as error:
            raise UserError(f"trainer.replay={path} cannot be read: {error}", remedy) from error


def examples_of(
    streams: Sequence[TrainingStream], losses: Mapping[str, StreamLoss]
) -> list[dict[str, Any]]:
    """``language``, ``file``, ``row``, ``tokens`` and ``loss`` of each example of a step."""
    return [
        stream.examples.origin(row) | {"tokens": int(length), "loss": finite(float(loss))}
        for stream in streams
        for row, length, loss in zip(
            losses[stream.name].rows.tolist(),
            losses[stream.name].lengths,
            losses[stream.name].losses,
            strict=True,
        )
    ]


def finite(value: float) -> float | None:
    """A number as JSON can hold it: None for NaN and infinities."""
    return value if math.isfinite(value) else None
