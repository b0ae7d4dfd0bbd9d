"""Fine-tuning in bfloat16 next to float32: accuracy over seeds, and the curves of loss.

    python accuracy.py --xnli_root $XNLI_ROOT --train_file $MNLI_TRAIN \
        --checkpoint weights/e5_small --out runs

Trains 80 updates of 256 English pairs with three seeds, each in both precisions: a seed draws the
head, the pairs, their order and the masks of dropout alike for both. Every run that is finished is
left alone, and one that was cut short is resumed. Writes accuracy.md, accuracy.json and
accuracy.png next to this file.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from scipy import stats

from infoxlm.data.xnli import LANGUAGES
from infoxlm.evaluate.predictions import read_predictions
from infoxlm.reporting.sections import markdown_table
from infoxlm.tracking.metrics_log import read_metrics

HERE = Path(__file__).parent
sys.path += [str(HERE.parent), str(HERE.parent / "xnli_e5_small")]
from compare import accuracies, draw_bars  # noqa: E402
from resumable import finish  # noqa: E402

SEEDS = (42, 43, 44)
#: hardware.amp of each side.
SIDES = {"fp32": "none", "bf16": "bf16"}
SETTINGS = [
    "name=bf16", "model=e5_small", "optimizer.learning_rate=2e-4", "scheduler.warmup_ratio=0.1",
    "trainer.effective_batch_size=256", "trainer.max_steps=80", "trainer.eval_every=80",
    "trainer.eval_limit=10", "trainer.log_every=1", "trainer.keep_checkpoints=0",
    "data.limit_train=20480", "data.limit_eval=1000",
]  # fmt: skip


def losses(run: Path) -> list[float]:
    """The training loss of every update."""
    lines = read_metrics(run / "metrics.jsonl")
    return [line["train/loss"] for line in lines if "train/loss" in line]


def speed(run: Path) -> float:
    """Training pairs a second."""
    return json.loads((run / "results.json").read_text())["train"]["pairs_per_second"]


def plot(curves: dict[str, list[list[float]]], table: dict[str, np.ndarray], path: Path) -> None:
    """Draw the losses of every run, and each precision's mean by language with its runs as dots."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(
        1, 2, figsize=(12, 4.2), width_ratios=[2, 3], layout="constrained"
    )
    colors = {"fp32": "#8c959f", "bf16": "#1f6feb"}
    for name, runs in curves.items():
        for number, curve in enumerate(runs):
            left.plot(range(1, len(curve) + 1), curve, color=colors[name], linewidth=1,
                      linestyle="-" if name == "fp32" else "--",
                      label=name if number == 0 else None)  # fmt: skip
    left.set_xlabel("update")
    left.set_ylabel("training loss")
    left.legend(frameon=False)
    draw_bars(right, table, colors)
    for axis in (left, right):
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    for name in ("xnli_root", "train_file", "checkpoint", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--settings", nargs="*", default=[], help="of every run")
    given = parser.parse_args()
    folders: dict[str, list[Path]] = {name: [] for name in SIDES}
    for seed in SEEDS:
        for name, amp in SIDES.items():
            run = given.out / f"{name}-{seed}"
            words = [
                *SETTINGS, f"seed={seed}", f"hardware.amp={amp}", f"data.root={given.xnli_root}",
                f"data.train_root={given.train_file}", f"model.checkpoint={given.checkpoint}",
                *given.settings,
            ]  # fmt: skip
            finish("train", words, run)
            folders[name].append(run)
    table = {
        name: accuracies([read_predictions(run / "predictions.jsonl") for run in runs])
        for name, runs in folders.items()
    }
    curves = {name: [losses(run) for run in runs] for name, runs in folders.items()}
    averages = {name: scores.mean(axis=1) for name, scores in table.items()}
    paired = averages["bf16"] - averages["fp32"]
    interval = stats.ttest_1samp(paired, 0).confidence_interval()
    apart = np.abs(np.array(curves["bf16"]) - np.array(curves["fp32"]))
    record = {
        "seeds": SEEDS,
        "accuracy": {name: scores.tolist() for name, scores in table.items()},
        "averages": {name: values.tolist() for name, values in averages.items()},
        "difference": float(paired.mean()),
        "interval": [float(interval.low), float(interval.high)],
        "loss_apart_mean": float(apart.mean()),
        "loss_apart_most": float(apart.max()),
        "pairs_per_second": {x: [speed(run) for run in runs] for x, runs in folders.items()},
    }
    rows = []
    for name, scores in table.items():
        for seed, row, average in zip(SEEDS, scores, averages[name], strict=True):
            rows.append([f"{name}, seed {seed}", *(f"{100 * x:.1f}" for x in (*row, average))])
    low, high = (100 * end for end in record["interval"])
    text = (
        f"{markdown_table(['', *LANGUAGES, 'average'], rows)}\n\n"
        f"bf16 minus fp32: {100 * record['difference']:+.2f} points, 95 % interval {low:+.2f} to "
        f"{high:+.2f} over {len(SEEDS)} seeds, paired (Student's t); by seed "
        f"{', '.join(f'{100 * x:+.2f}' for x in paired)}. Losses of the same update differ by "
        f"{record['loss_apart_mean']:.4f} on average, {record['loss_apart_most']:.4f} at most.\n"
    )
    (HERE / "accuracy.md").write_text(text, encoding="utf-8")
    (HERE / "accuracy.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    plot(curves, table, HERE / "accuracy.png")
    print(text)


if __name__ == "__main__":
    main()
