"""Training that is stopped and resumed, and steps that failed and are computed again."""

import json
import logging
import signal
import sys
from pathlib import Path

import pytest

from infoxlm.commands import train
from infoxlm.commands.train import replay_table
from infoxlm.errors import UserError
from infoxlm.runs.context import resume_command
from infoxlm.runs.run_folder import RESULTS, RUN_RECORD
from infoxlm.stopping import Interrupted
from infoxlm.tracking.metrics_log import MetricsLog, read_metrics
from infoxlm.train.replay import Replay

FEW = ("data.eval_languages=[en,sw]", "trainer.max_steps=4", "model.dropout=0.1")


def metrics(folder):
    clock = ("time", "train/pairs_per_second")
    return [
        {key: value for key, value in line.items() if key not in clock}
        for line in read_metrics(folder / "metrics.jsonl")
    ]


def outcome(folder):
    results = json.loads((folder / RESULTS).read_text())
    figures = {key: results[key] for key in ("dev", "test", "best_step", "steps")}
    files = ("predictions.jsonl", "checkpoints/best/model.safetensors")
    return figures, metrics(folder), [(folder / name).read_bytes() for name in files]


@pytest.fixture(autouse=True)
def root(monkeypatch):
    """The root logger without pytest's own file, which would move with the run's."""
    handlers = [x for x in logging.getLogger().handlers if not isinstance(x, logging.FileHandler)]
    monkeypatch.setattr(logging.getLogger(), "handlers", handlers)


@pytest.fixture(scope="module")
def alone(tiny_config, tmp_path_factory):
    """The folder of a run that nobody stopped, and its value."""
    folder = tmp_path_factory.mktemp("alone") / "run"
    return folder, train.run(tiny_config(*FEW), folder)


@pytest.fixture
def stopped(tiny_config, tmp_path, monkeypatch):
    """The folder of a run that was asked to stop in its third step, and what it said."""
    monkeypatch.setattr(sys, "argv", ["infoxlm train", *FEW, "trainer.resume=auto", "name=a b"])
    folder = tmp_path / "runs" / "name" / "first"
    write = MetricsLog.write

    def watched(self, step, values):
        if step == 3:
            signal.raise_signal(signal.SIGTERM)
        write(self, step, values)

    with monkeypatch.context() as patch, pytest.raises(Interrupted) as said:
        patch.setattr(MetricsLog, "write", watched)
        train.run(tiny_config(*FEW), folder)
    return folder, said.value


@pytest.mark.parametrize("named", [True, False])
def test_resumed_run_ends_as_if_never_stopped(named, stopped, alone, tiny_config, tmp_path):
    folder, said = stopped
    assert not (folder / RESULTS).exists()
    assert said.code == 143
    assert said.message == (
        "stopped and saved after step 3. Resume with: infoxlm train 'data.eval_languages=[en,sw]' "
        f"trainer.max_steps=4 model.dropout=0.1 'name=a b' trainer.resume={folder}"
    )
    another = tmp_path / "runs" / "name" / "second"
    how = folder if named else "auto"
    # How many are kept may change.
    value = train.run(
        tiny_config(*FEW, f"trainer.resume={how}", "trainer.keep_checkpoints=0"), another
    )
    assert not another.exists()
    assert (outcome(folder), value) == (outcome(alone[0]), alone[1])
    record = json.loads((folder / RUN_RECORD).read_text())
    assert [one["command"] for one in record["resumed"]] == [sys.argv]
    with pytest.raises(UserError, match="that run is finished"):
        train.run(tiny_config(*FEW, f"trainer.resume={folder}"), another)


def test_the_command_to_resume_names_the_run_once(monkeypatch):
    words = ["seed=3", "trainer.resume=x", "hydra.run.dir=y", "data.root=a folder"]
    monkeypatch.setattr(sys, "argv", ["infoxlm train", *words])
    assert resume_command(Path("/run")) == (
        "infoxlm train seed=3 'data.root=a folder' trainer.resume=/run"
    )


def test_a_failed_step_is_computed_again(tiny_config, tmp_path, capsys):
    diverging = (*FEW, "optimizer.learning_rate=1e30", "trainer.eval_every=100")
    with pytest.raises(UserError, match=r"of step 3 is not finite.*trainer\.replay=") as failed:
        train.run(tiny_config(*diverging), tmp_path / "failed")
    batch = Path(str(failed.value).partition("trainer.replay=")[2].rstrip("."))
    assert batch == tmp_path / "failed" / "checkpoints" / "failed_step" / "batch.json"
    written = json.loads(batch.read_text())["pairs"]
    assert len(written) == 16
    assert {Path(pair["file"]).name for pair in written} == {"en.tsv"}

    config = tiny_config(*diverging, f"trainer.replay={batch}")
    assert train.run(config, tmp_path / "again") is None
    again = json.loads((tmp_path / "again" / "replay.json").read_text())
    assert {(pair["row"], pair["loss"]) for pair in again["pairs"]} == {
        (pair["row"], pair["loss"]) for pair in written
    }
    out = capsys.readouterr().out
    assert "step 3: loss not finite, gradient norm not finite" in out
    assert str(tmp_path / "again" / "replay.json") in out
    assert not (tmp_path / "again" / RESULTS).exists()

    with pytest.raises(UserError, match=r"trainer\.replay=.*missing\.json does not exist"):
        train.run(tiny_config(*FEW, f"trainer.replay={tmp_path}/missing.json"), tmp_path / "third")


def test_the_table_of_a_replay_shows_the_pairs_that_stand_out(capsys):
    from rich.console import Console

    pairs = [
        {"loss": loss, "tokens": 7 + n, "language": "en", "row": n, "file": "train/en.tsv"}
        for n, loss in enumerate([None, 12.3456, *(1.0 - n / 100 for n in range(20))])
    ]
    table = replay_table(Replay(5, None, None, pairs, ["a.weight", "b.bias"]))
    Console(width=200).print(table)
    out = " ".join(capsys.readouterr().out.split())
    assert "step 5: loss not finite, gradient norm not finite" in out
    assert "2 parameters have gradients that are not finite, the first a.weight" in out
    assert "12.35" in out
    assert table.row_count == 10
