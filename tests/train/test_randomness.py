import random

import numpy as np
import paddle

from infoxlm.train.randomness import seed_everything, seed_step


def draw():
    return random.random(), float(np.random.rand()), float(paddle.rand([1]))


def test_one_seed_sets_every_generator():
    seed_everything(3)
    first = draw()
    assert all(a != b for a, b in zip(first, draw(), strict=True))
    seed_everything(3)
    assert draw() == first
    seed_everything(4)
    assert all(a != b for a, b in zip(first, draw(), strict=True))


def dropped():
    """The places that dropout keeps."""
    return tuple(paddle.nn.functional.dropout(paddle.ones([64]), 0.5).numpy() > 0)


def test_a_step_s_draws_follow_from_seed_and_step_alone():
    draws = {}
    for seed in (1, 2):
        for step in range(40):
            seed_step(seed, step)
            draws[seed, step] = dropped(), dropped()
    assert len({both[0] for both in draws.values()}) == len(draws)
    assert all(first != second for first, second in draws.values())
    seed_everything(99)
    dropped()
    seed_step(2, 17)
    assert (dropped(), dropped()) == draws[2, 17]


def test_one_seed_s_steps_are_not_another_seed_s_shifted():
    draws = {}
    for seed in range(6):
        for step in range(6):
            seed_step(seed, step)
            draws.setdefault(dropped(), []).append((seed, step))
    assert [places for places in draws.values() if len(places) > 1] == []


def test_each_rank_draws_for_itself():
    draws = {}
    for rank in range(20):
        seed_step(2, 17, rank)
        draws[rank] = dropped()
    assert len(set(draws.values())) == len(draws)
    seed_step(2, 17)
    assert dropped() == draws[0]
