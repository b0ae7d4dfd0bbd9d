"""Masked LM alone, plus translation LM, plus the contrast: the same updates, two seeds each.

    python ladder.py --text $TEXT --flores $TEXT/flores200 --tatoeba $TATOEBA_ROOT \
        --xnli $XNLI_ROOT --xnli_train $MNLI_TRAIN --checkpoint weights/e5_small --out runs

TEXT holds `{language}.txt` and `{a}-{b}.tsv`; FLORES, which may lie below it, is not learned from.
Each run is scored on FLORES at its start and its end, then on Tatoeba, and then fine-tuned on
English XNLI pairs; so is the encoder that it starts from. Started again, finished runs are left
alone, and the one that was cut short resumes. `--settings` are added to every pre-training.
"""

import argparse
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from resumable import finish  # in the folder above

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
STEPS = 200

SETTINGS = [
    "model=e5_small", "data.held_out=100", "data.eval_limit=500", "data.max_length=64",
    f"task.block={BLOCK}", "task.queue_size=4096", "task.momentum=0.99",
    "task.joint_denominator=false", "task.batch_negatives=true", "task.restrict_vocabulary=true",
    "optimizer.learning_rate=1e-4", "scheduler.warmup_ratio=0.1",
    "trainer.effective_batch_size=64", f"trainer.max_steps={STEPS}", f"trainer.eval_every={STEPS}",
    "trainer.log_every=1", "trainer.save_every=25",
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
        kind: ``pretrain``, ``tatoeba`` or ``xnli``.
        rung: One of `RUNGS`, or `START`.
        seed: None: that of the start, which has none.
    """
    return folder / kind / (rung if seed is None else f"{rung}-{seed}")


def score(given: argparse.Namespace, checkpoint: Path, rung: str, seed: int | None) -> None:
    """Score an encoder on Tatoeba, block by block, and fine-tuned on English pairs."""
    finish(
        "retrieve",
        [f"model.checkpoint={checkpoint}", f"data.root={given.tatoeba}", "layer=all"],
        run_folder(given.out, "tatoeba", rung, seed),
    )
    places = [
        f"data.root={given.xnli}", f"data.train_root={given.xnli_train}",
        f"model.checkpoint={checkpoint}", "model.new_head=true",
    ]  # fmt: skip
    for fine_tuned in SEEDS if seed is None else (seed,):
        finish(
            "train",
            [*FINE_TUNING, *places, f"seed={fine_tuned}"],
            run_folder(given.out, "xnli", rung, fine_tuned),
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    read = ("text", "flores", "tatoeba", "xnli", "xnli_train", "checkpoint")
    for name in (*read, "out"):
        # Absolute: FLORES is left out of TEXT by the pattern of its path.
        parser.add_argument(f"--{name}", type=lambda x: Path(x).resolve(), required=True)
    parser.add_argument("--settings", nargs="*", default=[], help="of every pre-training")
    given = parser.parse_args()
    for name in read:
        if not getattr(given, name).exists():
            raise SystemExit(f"--{name}={getattr(given, name)} does not exist")
    places = [
        f"data.mono=[{given.text}]", f"data.parallel=[{given.text}]",
        f"data.exclude=['{given.flores}/*']", f"data.eval_pairs={given.flores}",
        f"model.checkpoint={given.checkpoint}",
    ]  # fmt: skip
    for seed in SEEDS:
        for rung, learned in RUNGS.items():
            words = [*SETTINGS, *places, *learned, f"seed={seed}", f"name={rung}"]
            run = run_folder(given.out, "pretrain", rung, seed)
            finish("pretrain", [*words, *given.settings], run)
    score(given, given.checkpoint, START, None)
    for seed in SEEDS:
        for rung in RUNGS:
            score(given, run_folder(given.out, "pretrain", rung, seed), rung, seed)


if __name__ == "__main__":
    main()
