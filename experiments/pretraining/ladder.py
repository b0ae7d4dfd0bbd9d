"""Masked LM alone, plus translation LM, plus the contrast: the same updates, two seeds each.

    python ladder.py --text $TEXT --flores $TEXT/flores200 --tatoeba $TATOEBA_ROOT \
        --xnli $XNLI_ROOT --xnli_train $MNLI_TRAIN --checkpoint weights/e5_small --out runs

TEXT holds `{language}.txt` and `{a}-{b}.tsv`; FLORES, which may lie below it, is not learned from.
Each run is scored on FLORES at its start and its end, then on Tatoeba, and then fine-tuned on
English XNLI pairs; so is the encoder that it starts from. Started again, finished runs are left
alone, and those that were cut short resume. `--jobs` run at a time, each with its share of the
cores; `--hardware` is that of every command.
"""

import argparse
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from resumable import Command, finish_all  # in the folder above

#: What a rung learns from, as settings.
RUNGS = {
    "mlm": ["task.tlm_weight=0", "task.xlco_weight=0"],
    "mlm_tlm": ["task.xlco_weight=0"],
    "mlm_tlm_xlco": [],
}
SEEDS = (1, 2)
#: The name of the encoder that every rung starts from.
START = "start"
#: The block whose `<s>` is contrasted, the paper's.
BLOCK = 8
STEPS = 300
#: What a sentence's vector is in retrieval: the state of `<s>`, which is contrasted, and the mean.
POOLINGS = {"cls": "state of <s>", "mean": "mean over tokens"}

#: Why these, the recipe tells.
SETTINGS = [
    "experiment=pretraining_short", f"task.block={BLOCK}", f"trainer.max_steps={STEPS}",
    f"trainer.eval_every={STEPS}", "trainer.log_every=1", "trainer.save_every=25",
]  # fmt: skip

#: Fine-tuning, as in experiments/xtune: 35 updates of 256 English pairs.
FINE_TUNING = [
    "model=checkpoint", "data=xnli", "data.train_languages=[en]", "data.limit_eval=1000",
    "optimizer.learning_rate=2e-4", "scheduler.warmup_ratio=0.1",
    "trainer.effective_batch_size=256", "trainer.max_steps=35", "trainer.eval_every=35",
    "trainer.eval_limit=100", "trainer.log_every=1", "trainer.keep_checkpoints=0",
]  # fmt: skip


def run_folder(folder: Path, kind: str, rung: str, seed: int | None = None) -> Path:
    """The folder of a run.

    Args:
        folder: That of all.
        kind: ``pretrain``, ``tatoeba_`` and the pooling, or ``xnli``.
        rung: One of `RUNGS`, or `START`.
        seed: None: that of the start, which has none.
    """
    return folder / kind / (rung if seed is None else f"{rung}-{seed}")


def pretraining(given: argparse.Namespace) -> list[Command]:
    """The rungs, the longest first."""
    places = [
        f"data.mono=[{given.text}]", f"data.parallel=[{given.text}]",
        f"data.exclude=['{given.flores}/*']", f"data.eval_pairs={given.flores}",
        f"model.checkpoint={given.checkpoint}", f"hardware={given.hardware}",
    ]  # fmt: skip
    return [
        (
            "pretrain",
            [*SETTINGS, *places, *RUNGS[rung], f"seed={seed}", f"name={rung}"],
            run_folder(given.out, "pretrain", rung, seed),
        )
        for rung in reversed(RUNGS)
        for seed in SEEDS
    ]


def scoring(given: argparse.Namespace, rung: str, seed: int | None) -> list[Command]:
    """An encoder on Tatoeba, block by block, and fine-tuned on English pairs."""
    checkpoint = given.checkpoint if seed is None else run_folder(given.out, "pretrain", rung, seed)
    common = [f"model.checkpoint={checkpoint}", f"hardware={given.hardware}"]
    found = [
        (
            "retrieve",
            [*common, f"data.root={given.tatoeba}", "layer=all", f"pooling={pooling}"],
            run_folder(given.out, f"tatoeba_{pooling}", rung, seed),
        )
        for pooling in POOLINGS
    ]
    places = [f"data.root={given.xnli}", f"data.train_root={given.xnli_train}"]
    for of_run in SEEDS if seed is None else (seed,):
        words = [*FINE_TUNING, *common, *places, "model.new_head=true", f"seed={of_run}"]
        found.append(("train", words, run_folder(given.out, "xnli", rung, of_run)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    read = ("text", "flores", "tatoeba", "xnli", "xnli_train", "checkpoint")
    for name in (*read, "out"):
        # Absolute: FLORES is left out of TEXT by the pattern of its path.
        parser.add_argument(f"--{name}", type=lambda x: Path(x).resolve(), required=True)
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--hardware", default="cpu", help="cpu_bf16 where the CPU has it")
    given = parser.parse_args()
    for name in read:
        if not getattr(given, name).exists():
            raise SystemExit(f"--{name}={getattr(given, name)} does not exist")
    finish_all(pretraining(given), given.jobs)
    scores = scoring(given, START, None)
    for rung in RUNGS:
        scores += [x for seed in SEEDS for x in scoring(given, rung, seed)]
    # Of retrieval, each takes a minute: they come first.
    finish_all(sorted(scores, key=lambda command: command[0] != "retrieve"), given.jobs)


if __name__ == "__main__":
    main()
