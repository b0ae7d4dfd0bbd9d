"""State of a run between two steps: with the weights, all that it takes to resume from there."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infoxlm.errors import UserError
from infoxlm.evaluate.scores import Scores
from infoxlm.files.json_file import read_json_object
from infoxlm.schema.json_shapes import entries, fields, number, scalar, whole

STATE_FILE = "training_state.json"

_COUNTS = ("step", "scored_step", "best_step", "scorings_since_best", "pairs")
#: The names in files of attributes that have another name here.
_WRITTEN = {
    "last_eval_step": "scored_step",
    "evals_since_best": "scorings_since_best",
    "examples": "pairs",
}
_STATE = fields(
    {
        **dict.fromkeys(_COUNTS, whole()),
        "seconds": number(0, 1e15),
        "learning_rate": entries(scalar),
        "loss_scale": entries(scalar),
        "undecayed": number(0, 1e15),
        "flops": fields(
            dict.fromkeys(("examples", "tokens", "positions"), whole()) | {"flops": number(0, 1e30)}
        ),
    },
    required=["step", "best_dev"],
)


@dataclass
class TrainingState:
    """State of a run between two optimizer steps.

    The order of the examples and the draws of dropout follow from the seed and the step, so that
    neither a position in the data nor the state of a generator has to be kept next to `step`.
    Files keep the names that versions before gave some of the attributes.

    Attributes:
        step: Optimizer steps taken.
        last_eval_step: The step after which dev was last scored.
        dev: The scores on dev then; None in checkpoints of before.
        best_step: The step of the best checkpoint; 0 before the first evaluation.
        best_dev: Its scores on dev.
        evals_since_best: Evaluations on dev since then.
        examples: Training examples so far, counted again in each epoch.
        start: The scores on dev before the first step, where they were asked for.
        seconds: Time spent on training steps, scoring and saving not counted.
        learning_rate: The state of the schedule.
        loss_scale: The state of fp16's loss scaling; empty without it.
        undecayed: The decay still to be applied, see `WeightDecay`; 0 in older checkpoints, whose
            steps had each decayed as far as float32 let them.
        flops: What was computed, see `FlopCounter`; empty in checkpoints of before.
    """

    step: int = 0
    last_eval_step: int = 0
    dev: Scores | None = None
    best_step: int = 0
    best_dev: Scores | None = None
    evals_since_best: int = 0
    examples: int = 0
    start: Scores | None = None
    seconds: float = 0.0
    learning_rate: Mapping[str, Any] = field(default_factory=dict)
    loss_scale: Mapping[str, Any] = field(default_factory=dict)
    undecayed: float = 0.0
    flops: Mapping[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Write ``training_state.json`` into a checkpoint."""
        scores = {"dev": self.dev, "best_dev": self.best_dev, "start": self.start}
        state = vars(self) | {name: found and found.as_dict() for name, found in scores.items()}
        state = {_WRITTEN.get(name, name): value for name, value in state.items()}
        (folder / STATE_FILE).write_text(json.dumps(state, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> "TrainingState":
        """Read a checkpoint's ``training_state.json``.

        Raises:
            UserError: The file is missing or damaged.
        """
        path = folder / STATE_FILE
        try:
            state = read_json_object(path)
            _STATE(state)
            if unknown := state.keys() & _WRITTEN.keys():
                raise ValueError(f"unknown keys {sorted(unknown)}")
            scores = {x: state.get(x) for x in ("best_dev", "dev", "start")}
            read = {
                name: None if found is None else Scores.from_dict(found)
                for name, found in scores.items()
            }
            names = {written: name for name, written in _WRITTEN.items()}
            return cls(**{names.get(name, name): value for name, value in (state | read).items()})
        except FileNotFoundError as error:
            raise UserError(f"{path} is missing", "The folder is no run's checkpoint.") from error
        except (ValueError, TypeError, KeyError, AttributeError, OSError) as error:
            raise UserError(f"{path} is damaged: {error}", "Use another checkpoint.") from error
