"""Runs of tasks that are stopped on the way."""

import signal

import pytest

from infoxlm.commands import train
from infoxlm.stopping import Interrupted


@pytest.fixture
def train_until_stopped(monkeypatch):
    """Trains until SIGTERM comes before the sixth step: `train_until_stopped(config, folder)`."""
    from infoxlm.train.trainer import Trainer

    step = Trainer.optimizer_step

    def interrupted(self):
        if self.state.step == 5:
            signal.raise_signal(signal.SIGTERM)
        return step(self)

    def stopped(config, folder):
        with monkeypatch.context() as patch, pytest.raises(Interrupted):
            patch.setattr(Trainer, "optimizer_step", interrupted)
            train.run(config, folder)

    return stopped
