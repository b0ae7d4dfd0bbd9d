import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from infoxlm.schema import Momentum, PretrainingConfig
from infoxlm.tasks.pretraining.momentum import momentum_at
from infoxlm.tasks.pretraining.queue import KeyQueue, equal_texts

few = st.integers(-3, 3)


@given(
    arrays(np.int64, st.tuples(st.integers(1, 6), st.just(2)), elements=few),
    arrays(np.int64, st.tuples(st.integers(0, 7), st.just(2)), elements=few),
    st.randoms(use_true_random=False),
)
def test_equal_texts_are_those_that_a_loop_finds(examples, keys, random):
    found = equal_texts(examples, keys)
    expected = [
        (i, j) for i, one in enumerate(examples) for j, other in enumerate(keys)
        if set(one.tolist()) & set(other.tolist())
    ]  # fmt: skip
    assert list(zip(*(x.tolist() for x in found), strict=True)) == expected
    positions = random.sample(range(len(examples)), random.randint(1, len(examples)))
    part = found.of(np.array(positions))
    assert sorted(zip(*(x.tolist() for x in part), strict=True)) == sorted(
        (positions.index(i), j) for i, j in expected if i in positions
    )


@given(st.lists(st.integers(1, 12), max_size=8))
def test_the_queue_holds_the_newest_keys(pushes):
    queue = KeyQueue(7, 3, 2)
    number = 0
    for count in pushes:
        numbers = np.arange(number, number + count)
        number += count
        queue.push(
            np.repeat(numbers[:, None], 3, 1).astype(np.float32), numbers[:, None].repeat(2, 1)
        )
    if number >= 7:
        held = set(queue.keys.numpy()[:, 0].astype(int).tolist())
        assert held == set(range(number - 7, number))
        assert (queue.state()["texts"][:, 0] == queue.keys.numpy()[:, 0]).all()


def test_a_queue_comes_back_and_continues_at_its_place():
    queue = KeyQueue(5, 2, 1)
    queue.push(np.ones((3, 2), np.float32), np.array([[7], [8], [2**62 + 1]]))
    again = KeyQueue.restore({name: x.copy() for name, x in queue.state().items()}, 5)
    for one in (queue, again):
        one.push(np.full((4, 2), 2, np.float32), np.array([[1], [2], [3], [4]]))
    for name, value in queue.state().items():
        np.testing.assert_array_equal(again.state()[name], value)
    assert again.state()["texts"][:, 0].tolist() == [3, 4, 2**62 + 1, 1, 2]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", {1: 0.999, 50: 0.999, 1000: 0.999}),
        ("linear", {50: 0.95 + 0.049 / 2, 100: 0.999, 1000: 0.999}),
        ("exponential", {1: 0.95, 20: 0.95, 100: 0.99, 10**9: 0.999}),
    ],
)
def test_momentum_schedules(schedule, expected):
    options = PretrainingConfig(
        momentum=0.999,
        momentum_schedule=Momentum(schedule),
        momentum_start=0.95,
        momentum_steps=100,
    )
    for step, momentum in expected.items():
        assert momentum_at(step, options) == pytest.approx(momentum)
