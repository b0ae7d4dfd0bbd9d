"""A training run of seconds that several tests look at."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

#: Random weights and a handful of the sample's pairs.
TINY = (
    "model=tiny", "data=sample", "data.limit_train=48", "data.limit_eval=6", "data.max_length=32",
    "optimizer.learning_rate=0.003", "trainer.effective_batch_size=16", "trainer.max_steps=6",
    "trainer.eval_every=2", "trainer.log_every=1",
)  # fmt: skip


class Run(NamedTuple):
    config: Any
    folder: Path
    value: float


@pytest.fixture(scope="session")
def tiny_config(compose: Callable[..., Any]) -> Callable[..., Any]:
    """The configuration of a training run of seconds, with changes."""
    return lambda *overrides: compose("train", *TINY, *overrides)


@pytest.fixture(scope="session")
def trained(tiny_config: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished training run in all fifteen languages."""
    from infoxlm.commands import train

    config, folder = tiny_config("name=example"), tmp_path_factory.mktemp("runs") / "first"
    return Run(config, folder, train.run(config, folder))
