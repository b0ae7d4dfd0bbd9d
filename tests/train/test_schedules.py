import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infoxlm.schema import SchedulerConfig
from infoxlm.train.schedules import SCHEDULES, learning_rate_factor


@given(
    name=st.sampled_from(sorted(SCHEDULES)),
    step=st.integers(0, 400),
    steps=st.integers(1, 400),
    ratio=st.floats(0, 0.99),
)
def test_the_factor_is_a_share(name, step, steps, ratio):
    assert 0 <= learning_rate_factor(step, steps, SchedulerConfig(name, ratio)) <= 1


@pytest.mark.parametrize("steps", [1, 7, 100])
@pytest.mark.parametrize("ratio", [0.0, 0.1, 0.5])
@pytest.mark.parametrize(
    ("name", "options", "kind", "theirs"),
    [
        ("constant", {}, "constant_with_warmup", {}),
        ("linear", {}, "linear", {}),
        ("cosine", {}, "cosine", {}),
        ("cosine", {"cycles": 1.5}, "cosine", {"num_cycles": 1.5}),
        ("polynomial", {}, "polynomial", {"lr_end": 0.0}),
        ("polynomial", {"power": 2.0}, "polynomial", {"lr_end": 0.0, "power": 2.0}),
        (
            "polynomial",
            {"power": 0.5, "end_factor": 0.2},
            "polynomial",
            {"lr_end": 0.002, "power": 0.5},
        ),
    ],
)
def test_schedules_match_transformers(name, options, kind, theirs, ratio, steps):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    warmup = math.ceil(ratio * steps)  # as TrainingArguments.get_warmup_steps has it
    if warmup == steps and kind == "polynomial":
        pytest.skip("transformers divides by the steps after the warm-up")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.01)
    schedule = transformers.get_scheduler(
        kind, optimizer, warmup, steps, scheduler_specific_kwargs=theirs
    )
    config = SchedulerConfig(name, ratio, options)
    for step in range(steps + 1):
        expected = schedule.get_last_lr()[0]
        assert 0.01 * learning_rate_factor(step, steps, config) == pytest.approx(
            expected, abs=1e-14
        )
        optimizer.step()
        schedule.step()


def test_values_by_hand():
    # Ten steps, two of them warm-up: after six, half of the rest is left.
    def factor(name, step, **options):
        return learning_rate_factor(step, 10, SchedulerConfig(name, 0.2, options))

    for name in SCHEDULES:
        assert [factor(name, step) for step in (0, 1, 2)] == [0, 0.5, 1]
    assert factor("cosine", 6) == pytest.approx(0.5)
    assert factor("cosine", 4) == pytest.approx(0.5 + math.sqrt(0.125))
    assert factor("polynomial", 6, power=2.0) == pytest.approx(0.25)
    assert factor("polynomial", 6, power=2.0, end_factor=0.2) == pytest.approx(0.4)
    assert factor("polynomial", 10, end_factor=0.2) == pytest.approx(0.2)
