"""One seed for every random generator."""

import random

import numpy as np
import paddle


def seed_everything(seed: int) -> None:
    """Seed Python's, NumPy's and Paddle's generators (weights drawn at random, dropout)."""
    random.seed(seed)
    np.random.seed(seed)
    paddle.seed(seed)
