"""The runs of this experiment: their names, their settings, and how one of them is started."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from resumable import finish  # noqa: E402  # in the folder above

#: What a run of each variant is told besides `SETTINGS`.
VARIANTS = {
    "plain": [],
    "subword_sampling": ["consistency=subword_sampling"],
    "gaussian_noise": ["consistency=gaussian_noise"],
    "translation": ["consistency=translation", "consistency.languages=[de,es,fr,sw]"],
    "translate_train_all": ["data.train_languages=[de,en,es,fr,sw]"],
}
#: The variants that copy examples, of which the best gets a second stage.
CHANGED = ("subword_sampling", "gaussian_noise", "translation")
SEEDS = (1, 2, 3)

SETTINGS = [
    "model=e5_small", "data=xnli", "optimizer.learning_rate=2e-4", "scheduler.warmup_ratio=0.1",
    "trainer.effective_batch_size=256", "trainer.max_steps=35", "trainer.eval_every=35",
    "trainer.eval_limit=100", "trainer.log_every=1", "trainer.keep_checkpoints=0",
    "data.limit_eval=1000",
]  # fmt: skip


def second_stage(variant: str) -> str:
    """The name of the second stage of a variant."""
    return f"{variant}_second_stage"


def run_folder(folder: Path, variant: str, seed: int) -> Path:
    """The folder of a run."""
    return folder / f"{variant}-{seed}"


def train(words: list[str], run: Path) -> None:
    """Train a run, or resume it where it was cut short; a finished one is left alone."""
    finish("train", words, run)
