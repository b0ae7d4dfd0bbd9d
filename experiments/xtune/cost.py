"""Seconds and memory of a step with changed copies, next to a plain step.

    python cost.py --xnli_root $XNLI_ROOT --train_root $TRANSLATE_TRAIN \
        --checkpoint weights/e5_small --out cost

Trains each variant for a few steps, one after the other and all of them several times, so that what
else the machine does falls on all alike: to be run on an idle one. Writes cost.md and cost.json
next to this file: the median seconds of a step, without the first of each run, and its tokens, both
next to the plain step's. A step with example consistency should take at most 2.1 times as long.
"""

import argparse
import json
import shutil
import statistics
from pathlib import Path

from runs import SETTINGS, VARIANTS, train

HERE = Path(__file__).parent
FEW = [
    "trainer.max_steps={steps}", "trainer.eval_every={steps}", "data.limit_eval=10",
    "trainer.eval_limit=10",
]  # fmt: skip


def steps_of(run: Path, batch: int) -> list[float]:
    """The seconds of each step but the first."""
    lines = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    speeds = [x["train/pairs_per_second"] for x in lines if "train/pairs_per_second" in x]
    return [batch / speed for speed in speeds[1:]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("xnli_root", "train_root", "checkpoint", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--settings", nargs="*", default=[], help="of every run")
    arguments = parser.parse_args()
    common = [
        *SETTINGS,
        *(word.format(steps=arguments.steps) for word in FEW),
        f"trainer.effective_batch_size={arguments.batch}",
        f"data.root={arguments.xnli_root}",
        f"data.train_root={arguments.train_root}",
        f"model.checkpoint={arguments.checkpoint}",
        *arguments.settings,
    ]
    first_stage = arguments.out / "subword_sampling"
    variants = {
        **{name: VARIANTS[name] for name in VARIANTS if name != "translate_train_all"},
        "word_dropout": ["consistency=word_dropout"],
        "second_stage": ["consistency=subword_sampling", f"consistency.teacher={first_stage}"],
    }
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    memory: dict[str, float] = dict.fromkeys(variants, 0.0)
    tokens: dict[str, float] = {}
    for _ in range(arguments.rounds):
        for name, settings in variants.items():
            shutil.rmtree(arguments.out / name, ignore_errors=True)
            train([*common, *settings], arguments.out / name)
            seconds[name] += steps_of(arguments.out / name, arguments.batch)
            results = json.loads((arguments.out / name / "results.json").read_text())
            memory[name] = max(memory[name], results["train"]["peak_rss_mb"])
            tokens[name] = results["train"]["tokens_per_pair"]
    plain = statistics.median(seconds["plain"])
    record = {
        name: {
            "seconds": statistics.median(found),
            "ratio": statistics.median(found) / plain,
            "tokens_ratio": tokens[name] / tokens["plain"],
            "steps": len(found),
            "peak_rss_mb": memory[name],
        }
        for name, found in seconds.items()
    }
    lines = [
        "| | seconds a step | next to plain | tokens next to plain | peak memory |",
        "|---|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {name} | {x['seconds']:.2f} | {x['ratio']:.2f} | {x['tokens_ratio']:.2f} "
        f"| {x['peak_rss_mb']:,.0f} MB |"
        for name, x in record.items()
    ]
    (HERE / "cost.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (HERE / "cost.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
