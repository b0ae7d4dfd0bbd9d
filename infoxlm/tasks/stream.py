"""Streams of training examples; an optimizer step learns from one or several."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infoxlm.checkpoint.mapped_tensors import checkpoint_tensors
from infoxlm.checkpoint.safetensors_writer import write_tensors
from infoxlm.data.examples import Examples
from infoxlm.data.sampler import Sampler
from infoxlm.tasks.objective import Objective

#: The file of a checkpoint with the objectives' own arrays, as ``stream.name``.
OBJECTIVE_FILE = "objective.safetensors"


@dataclass(frozen=True, eq=False)
class TrainingStream:
    """A stream of training examples: the examples, their order, the objective.

    Attributes:
        name: Its name, which its loss has too.
        examples: The training examples.
        sampler: Chooses the examples of each step.
        objective: The training objective.
        weight: The weight of its mean loss in the sum over the streams.
        joint: Whether its losses are divided by the sum of the weights of all examples of joint
            streams, and not by that of its own: sentences and masked tokens then count alike.
        number: What tells its random draws from those of the task's other streams. It is the same
            where others are left out, so that runs without them draw alike.
    """

    name: str
    examples: Examples
    sampler: Sampler
    objective: Objective
    weight: float = 1.0
    joint: bool = False
    number: int = 0


def write_objectives(folder: Path, streams: Sequence[TrainingStream]) -> None:
    """Write the objectives' own arrays into a checkpoint; no file where there are none."""
    kept = {
        f"{stream.name}.{name}": values
        for stream in streams
        for name, values in stream.objective.state().items()
    }
    if kept:
        write_tensors(folder / OBJECTIVE_FILE, kept, "np")


def read_objectives(folder: Path, streams: Sequence[TrainingStream]) -> None:
    """Give objectives back their arrays from a checkpoint.

    Raises:
        UserError: The file is damaged.
    """
    path = folder / OBJECTIVE_FILE
    kept = dict(checkpoint_tensors(path)) if path.exists() else {}
    for stream in streams:
        prefix = f"{stream.name}."
        stream.objective.restore(
            {name.removeprefix(prefix): x for name, x in kept.items() if name.startswith(prefix)}
        )
