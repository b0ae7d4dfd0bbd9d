"""The share of the configured weight decay that reaches the weights, and a step's cost.

    python experiments/weight_decay/measure.py --out experiments/weight_decay
    python experiments/weight_decay/measure.py --seconds      # on a machine that does nothing else

The first writes results.json and results.md. Needs the extra [torch].
"""

import argparse
import json
import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import paddle
import torch

from infoxlm.schema import OptimizerConfig, SchedulerConfig
from infoxlm.train.adamw import AdamW
from infoxlm.train.optimization import build_learning_rate, learning_rate_factor
from infoxlm.train.optimizer_setup import OptimizerSetup

DECAY, STEPS = 0.01, 2000
PEAKS = (1e-6, 2e-6, 3e-6, 5e-6, 7e-6, 1e-5, 2e-5, 5e-5, 1e-4)
KINDS = ("constant", "linear")

#: Takes STEPS steps on weights, a gradient of zeros each, and gives the weights afterwards.
Side = Callable[[np.ndarray, str, float], np.ndarray]


def with_paddle(weights: np.ndarray, kind: str, peak: float, *, ours: bool = False) -> np.ndarray:
    """Paddle's AdamW, or infoxlm's."""
    schedule = build_learning_rate(OptimizerConfig("adamw", peak), SchedulerConfig(kind), STEPS)
    parameter = paddle.create_parameter(weights.shape, "float32")
    parameter.set_value(weights)
    parameter.grad = paddle.zeros_like(parameter)
    optimizer = optimizer_of(parameter, schedule, ours=ours)
    for _ in range(STEPS):
        optimizer.step()
        schedule.step()
    return parameter.numpy()


def optimizer_of(
    parameter: paddle.Tensor, schedule: paddle.optimizer.lr.LRScheduler, *, ours: bool
) -> paddle.optimizer.Optimizer:
    """One of the two classes over a parameter."""
    if ours:
        return AdamW(OptimizerSetup(schedule, [parameter], DECAY, STEPS, lambda name: True))
    return paddle.optimizer.AdamW(schedule, parameters=[parameter], weight_decay=DECAY)


def with_torch(weights: np.ndarray, kind: str, peak: float) -> np.ndarray:
    """PyTorch's AdamW."""
    parameter = torch.nn.Parameter(torch.tensor(weights))
    parameter.grad = torch.zeros_like(parameter)
    optimizer = torch.optim.AdamW([parameter], lr=peak, weight_decay=DECAY)
    config = SchedulerConfig(kind)
    for step in range(STEPS):
        optimizer.param_groups[0]["lr"] = peak * learning_rate_factor(step, STEPS, config)
        optimizer.step()
    return parameter.detach().numpy()


SIDES: dict[str, Side] = {
    "paddle": with_paddle,
    "torch": with_torch,
    "infoxlm": lambda *x: with_paddle(*x, ours=True),
}


def share(side: Side, weights: np.ndarray, kind: str, peak: float) -> float:
    """Measure the share of the configured decay that a side applies."""
    rates = sum(
        peak * learning_rate_factor(step, STEPS, SchedulerConfig(kind)) for step in range(STEPS)
    )
    sums = [np.abs(x.astype(np.float64)).sum() for x in (weights, side(weights, kind, peak))]
    return math.log(sums[0] / sums[1]) / (rates * DECAY)


def table(shares: dict[str, dict[str, dict[str, float]]]) -> str:
    """The shares as Markdown."""
    names = [f"{side}, {kind}" for kind in KINDS for side in SIDES]
    lines = ["| peak learning rate | " + " | ".join(names) + " |", "|" + "--:|" * (len(names) + 1)]
    for peak in PEAKS:
        found = [f"{shares[kind][side][f'{peak:g}']:.2f}" for kind in KINDS for side in SIDES]
        lines.append(f"| {peak:g} | " + " | ".join(found) + " |")
    return "\n".join(lines) + "\n"


def seconds_of_steps(shape: tuple[int, int], steps: int) -> dict[str, list[float]]:
    """Seconds of single steps of both Paddle classes, taking turns."""
    sides = {}
    for name in ("paddle", "infoxlm"):
        schedule = build_learning_rate(
            OptimizerConfig("adamw", 7e-6), SchedulerConfig("linear"), steps
        )
        parameter = paddle.create_parameter(shape, "float32")
        parameter.grad = paddle.full(shape, 1e-3)
        sides[name] = optimizer_of(parameter, schedule, ours=name == "infoxlm"), schedule
    found: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(steps):
        for name, (optimizer, schedule) in sides.items():
            started = time.perf_counter()
            optimizer.step()
            found[name].append(time.perf_counter() - started)
            schedule.step()
    return found


def main() -> None:
    """Measure and write, or print seconds."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    parser.add_argument("--seconds", action="store_true", help="time steps instead")
    arguments = parser.parse_args()
    if arguments.seconds:
        for name, seconds in seconds_of_steps((110_000, 768), steps=40).items():
            print(f"{name}: median {1000 * np.median(seconds[2:]):.1f} ms a step")
        return
    # As an encoder's: spread by 0.05, so that every place of float32's scale is met.
    weights = np.random.default_rng(0).normal(0, 0.05, (128, 128)).astype(np.float32)
    shares = {
        kind: {
            name: {f"{peak:g}": round(share(side, weights, kind, peak), 4) for peak in PEAKS}
            for name, side in SIDES.items()
        }
        for kind in KINDS
    }
    (arguments.out / "results.json").write_text(json.dumps(shares, indent=1) + "\n")
    (arguments.out / "results.md").write_text(table(shares))


if __name__ == "__main__":
    main()
