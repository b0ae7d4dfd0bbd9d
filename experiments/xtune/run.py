"""Train every variant with every seed, and then the second stage of the best one.

    python run.py --xnli_root $XNLI_ROOT --train_root $TRANSLATE_TRAIN \
        --checkpoint weights/e5_small --out runs

XNLI_ROOT is a folder `{dev,test}/{language}.tsv`, TRANSLATE_TRAIN one of row-parallel
`{de,en,es,fr,sw}.tsv`. Started again, it leaves finished runs alone and resumes the one that was
cut short. The second stage follows where all changes were asked for.
`--settings hardware.micro_batch_tokens=1024` and others are added to every run.
"""

import argparse
import json
from pathlib import Path

from runs import CHANGED, SEEDS, SETTINGS, VARIANTS, run_folder, second_stage, train


def dev_average(run: Path) -> float:
    """The average of a finished run on dev, by which the best variant is chosen."""
    return json.loads((run / "results.json").read_text())["dev"]["average"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("xnli_root", "train_root", "checkpoint", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", choices=SEEDS, default=list(SEEDS))
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--settings", nargs="*", default=[], help="of every run")
    arguments = parser.parse_args()
    places = [
        f"data.root={arguments.xnli_root}",
        f"data.train_root={arguments.train_root}",
        f"model.checkpoint={arguments.checkpoint}",
    ]
    common = [*SETTINGS, *places, *arguments.settings]
    for seed in arguments.seeds:
        for variant in arguments.variants:
            settings = [*common, *VARIANTS[variant], f"seed={seed}", f"name=xtune_{variant}"]
            train(settings, run_folder(arguments.out, variant, seed))
    if not set(CHANGED) <= set(arguments.variants):
        return
    # By dev and over all seeds; the test scores are not looked at.
    best = max(
        CHANGED,
        key=lambda variant: sum(
            dev_average(run_folder(arguments.out, variant, seed)) for seed in arguments.seeds
        ),
    )
    seed, name = arguments.seeds[0], second_stage(best)
    teacher = f"consistency.teacher={run_folder(arguments.out, best, seed)}"
    settings = [*common, *VARIANTS[best], teacher, f"seed={seed}", f"name=xtune_{name}"]
    train(settings, run_folder(arguments.out, name, seed))


if __name__ == "__main__":
    main()
