"""Saving and restoring the PyTorch loops of the experiments."""

import importlib
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")


@pytest.fixture
def torch_state(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "experiments")
    yield importlib.import_module("torch_state")
    sys.modules.pop("torch_state")


def parts():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Dropout(0.5), torch.nn.Linear(4, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    return model, optimizer, torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.5)


def train(model, optimizer, schedule, steps):
    losses = []
    for _ in range(steps):
        loss = model(torch.ones(5, 3)).square().mean()
        loss.backward()
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return losses


def test_a_loop_resumes_to_the_bit(torch_state, tmp_path):
    whole = train(*parts(), 6)
    first = parts()
    losses = train(*first, 3)
    torch_state.save(tmp_path / "state.pt", *first, history=losses, best=None)
    other = parts()
    train(*other, 1)
    more = torch_state.restore(tmp_path / "state.pt", *other)
    assert more == {"history": losses, "best": None}
    assert more["history"] + train(*other, 3) == whole
    assert [path.name for path in tmp_path.iterdir()] == ["state.pt"]
