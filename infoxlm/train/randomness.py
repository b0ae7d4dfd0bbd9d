"""One seed for every random generator, and every step a draw of its own."""

import random

import numpy as np
import paddle


def seed_everything(seed: int) -> None:
    """Seed Python's, NumPy's and Paddle's generators (weights drawn at random, dropout)."""
    random.seed(seed)
    np.random.seed(seed)
    paddle.seed(seed)


def seed_step(seed: int, step: int, rank: int = 0) -> None:
    """Seed the draws of one optimizer step.

    They follow from the run's seed and the step alone, so that a run that resumes from a
    checkpoint draws what it would have drawn without the stop, and one step can be repeated.

    Args:
        seed: The run's seed.
        step: The step about to be taken; 0 is the first.
        rank: The process that draws; each of a run's draws differently.
    """
    entropy = [seed, step, rank] if rank else [seed, step]
    paddle.seed(int(np.random.SeedSequence(entropy).generate_state(1)[0]))
