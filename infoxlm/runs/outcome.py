"""The exact outcome of a run, as far as it is written down, and a check against another's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from infoxlm.checkpoint.weights_file import SAFETENSORS
from infoxlm.errors import UserError
from infoxlm.evaluate.predictions import Predictions, matched
from infoxlm.evaluate.scores import Scores
from infoxlm.runs.finished_run import FinishedRun
from infoxlm.runs.run_folder import CHECKPOINTS
from infoxlm.runs.run_record import weights_checksums
from infoxlm.schema.json_shapes import MisfitError, brief, number, optional
from infoxlm.tracking.metrics_log import METRICS, read_metrics

#: Logged numbers by step and tag; None where one was not finite.
Logged = Mapping[tuple[int, str], float | None]
_VALUE = optional(number(-1e300, 1e300))


@dataclass(frozen=True)
class Outcome:
    """Outcome of a run: losses, predictions, scores and weights.

    Attributes:
        losses: The training losses that were logged; none of an evaluation.
        logged: All scores that were logged.
        predictions: Its predictions.
        scores: Their scores.
        weights: SHA-256 of the best checkpoint's weights; None when there is none or not kept.
    """

    losses: Logged
    logged: Logged
    predictions: Predictions
    scores: Scores
    weights: str | None

    @classmethod
    def of(cls, run: FinishedRun) -> "Outcome":
        """Read what a run computed from its folder.

        Raises:
            UserError: A file is missing or damaged.
        """
        best = run.folder / CHECKPOINTS / "best"
        scores = run.scores
        return cls(
            _logged(run, lambda tag: tag == "train/loss"),
            _logged(run, lambda tag: any(f"/{metric}/" in tag for metric in scores.values)),
            run.predictions(),
            scores,
            weights_checksums(best).get(str(best / SAFETENSORS)),
        )


class Check(NamedTuple):
    """A comparison of one part of two outcomes.

    Attributes:
        part: The part that was compared, such as "training losses".
        same: None when it could not be.
        finding: The finding in a few words.
    """

    part: str
    same: bool | None
    finding: str


def compare_outcomes(then: Outcome, now: Outcome) -> list[Check]:
    """Compare a run with its repetition, part by part.

    Raises:
        UserError: They did not predict the same examples.
    """
    checks = [
        _compare_logged("training losses", then.losses, now.losses),
        _compare_logged("logged scores", then.logged, now.logged),
        _compare_predictions(then, now),
    ]
    if then.weights and now.weights:
        same = then.weights == now.weights
        finding = f"sha256 {then.weights[:12]}" + ("" if same else f" then, {now.weights[:12]} now")
        checks.append(Check("best checkpoint's weights", same, finding))
    elif now.weights:
        checks.append(Check("best checkpoint's weights", None, "not kept by the run"))
    return [check for check in checks if check.finding]


def _logged(run: FinishedRun, chosen: Callable[[str], bool]) -> Logged:
    logged = {}
    for line in read_metrics(run.folder / METRICS):
        for tag in filter(chosen, line):
            try:
                _VALUE(line[tag])
            except MisfitError as misfit:
                raise UserError(
                    f"{run.folder / METRICS}, step {line['step']}: {misfit.below(brief(tag))}",
                    "Give another run.",
                ) from misfit
            logged[line["step"], tag] = line[tag]
    return logged


def _compare_logged(part: str, then: Logged, now: Logged) -> Check:
    keys = sorted({**then, **now})
    unlike = [(step, then.get((step, tag)), now.get((step, tag))) for step, tag in keys]
    unlike = [(step, first, second) for step, first, second in unlike if first != second]
    if not unlike:
        return Check(part, True, f"{len(keys):,} equal" if keys else "")
    step, first, second = unlike[0]
    finding = (
        f"{len(unlike):,} of {len(keys):,} differ, the first at step {step}: {first} then, "
        f"{second} now"
    )
    distances = [abs(a - b) for _, a, b in unlike if a is not None and b is not None]
    return Check(part, False, finding + (f"; by at most {max(distances):.2g}" if distances else ""))


def _compare_predictions(then: Outcome, now: Outcome) -> Check:
    first, second = matched(then.predictions, now.predictions)
    unlike = {
        name: sum(x != y for x, y in zip(found, second.columns[name], strict=True))
        for name, found in first.columns.items()
        if name in second.columns
    }
    unlike |= {
        name: int(np.sum(found != second.values[name]))
        for name, found in first.values.items()
        if name in second.values
    }
    if not any(unlike.values()):
        return Check("predictions", True, f"{len(first):,} equal")
    counts = ", ".join(f"{name} {count:,}" for name, count in unlike.items() if count)
    before, after = (
        each.scores.main.with_unit(each.scores.average, digits=2) for each in (then, now)
    )
    return Check(
        "predictions",
        False,
        f"of {len(first):,} differ: {counts}; average {then.scores.main.title} {before} then, "
        f"{after} now",
    )
