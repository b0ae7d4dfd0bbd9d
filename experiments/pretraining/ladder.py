"""Masked LM alone, plus translation LM, plus the contrast: the same updates, two seeds each.

    python ladder.py --text $TEXT --flores $TEXT/flores200 --tatoeba $TATOEBA_ROOT \
        --xnli $XNLI_ROOT --checkpoint weights/e5_small --out runs

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
    if given.xnli is None:
        return
    for fine_tuned in SEEDS if seed is None else (seed,):
        places = [f"data.root={given.xnli}", f"model.checkpoint={checkpoint}"]
        if given.xnli_train is not None:
            places.append(f"data.train_root={given.xnli_train}")
        finish(
            "train",
            [*FINE_TUNING, *places, "model.new_head=true", f"seed={fine_tuned}"],
            run_folder(given.out, "xnli", rung, fine_tuned),
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    for name in ("text", "flores", "tatoeba", "checkpoint", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--xnli", type=Path, help="not given: nothing is fine-tuned")
    parser.add_argument("--xnli_train", type=Path, help="of other training pairs than XNLI's")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--settings", nargs="*", default=[], help="of every pre-training")
    given = parser.parse_args()
    places = [
        f"data.mono=[{given.text}]", f"data.parallel=[{given.text}]",
        f"data.exclude=['{given.flores}/*']", f"data.eval_pairs={given.flores}",
        f"model.checkpoint={given.checkpoint}",
    ]  # fmt: skip
    for seed in given.seeds:
        for rung, learned in RUNGS.items():
            words = [*SETTINGS, *places, *learned, f"seed={seed}", f"name={rung}"]
            run = run_folder(given.out, "pretrain", rung, seed)
            finish("pretrain", [*words, *given.settings], run)
    score(given, given.checkpoint, START, None)
    for seed in given.seeds:
        for rung in RUNGS:
            score(given, run_folder(given.out, "pretrain", rung, seed), rung, seed)


if __name__ == "__main__":
    main()
