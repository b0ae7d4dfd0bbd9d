"""A run that was stopped and resumed is the run without the stop, to the last bit."""

import shutil
import signal
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from infoxlm.stopping import Interrupted
from infoxlm.tracking.metrics_log import read_metrics

STEPS = 6


class Killed(BaseException):
    """A process that ends without a word."""


def terminate():
    signal.raise_signal(signal.SIGTERM)


def kill():
    raise Killed


def act_at(trainer, name, number, moment, act):
    """Do something before or after a method's call of this number, 1 being the first."""
    method, calls = getattr(trainer, name), []

    def watched(*arguments, **options):
        calls.append(name)
        if (moment, number) == ("before", len(calls)):
            act()
        result = method(*arguments, **options)
        if (moment, number) == ("after", len(calls)):
            act()
        return result

    setattr(trainer, name, watched)
    return calls


@pytest.fixture
def run(open_trainer, weights_of, timeless):
    """Trains, acting at a moment, and returns all that must not depend on a stop."""

    def trained(config, folder, *, resumed=False, at=None):
        with open_trainer(config, folder, resumed=resumed) as trainer:
            if at is not None:
                act_at(trainer, *at)
            state = trainer.train()
        checkpoints = folder / "checkpoints"
        newest = "step-6" if (checkpoints / "step-6").exists() else "best"
        return {
            "weights": weights_of(trainer),
            "metrics": timeless(folder),
            "best_dev": state.best_dev.as_dict(),
            "state": [state.step, state.best_step, state.evals_since_best, state.examples],
            "best": (checkpoints / "best" / "model.safetensors").read_bytes(),
            "moments": (checkpoints / newest / "optimizer.safetensors").read_bytes(),
        }

    return trained


@given(
    stop=st.integers(1, STEPS - 1),
    end=st.sampled_from([terminate, kill]),
    optimizer=st.sampled_from(["adamw", "lamb", "adafactor"]),
    weight_decay=st.sampled_from([0.0, 1e-4, 0.01]),
    active=st.booleans(),
    trainer=st.fixed_dictionaries({
        "effective_batch_size": st.sampled_from([7, 10, 24]),
        "eval_every": st.integers(1, 4),
        "save_every": st.none() | st.integers(1, 3),
        "log_every": st.integers(1, 3),
        "keep_checkpoints": st.integers(0, 2),
    }),
)  # fmt: skip
@settings(
    deadline=None,
    max_examples=8,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking would take minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_a_stop_changes_nothing(
    run, train_config, tmp_path, stop, end, optimizer, weight_decay, active, trainer
):
    config = train_config(
        max_steps=STEPS,
        dropout=0.1,
        optimizer={"name": optimizer, "weight_decay": weight_decay},
        hardware={"active_vocabulary": active},
        **trainer,
    )
    shutil.rmtree(tmp_path)
    alone = run(config, tmp_path / "alone")
    with suppress(Interrupted, Killed):
        run(config, tmp_path / "stopped", at=("optimizer_step", stop, "after", end))
    logged = read_metrics(tmp_path / "stopped" / "metrics.jsonl")
    assert len(logged) < len(alone["metrics"])
    assert run(config, tmp_path / "stopped", resumed=True) == alone


@pytest.mark.parametrize("stop", [1, 2, 3, 5])
def test_sigterm_saves_the_step_it_came_in(stop, run, train_config, open_trainer, tmp_path):
    config = train_config(keep_checkpoints=0, eval_every=3)
    with pytest.raises(Interrupted, match=f"after step {stop}$") as stopped:
        run(config, tmp_path, at=("optimizer_step", stop, "after", terminate))
    assert stopped.value.code == 128 + signal.SIGTERM
    assert max(record["step"] for record in read_metrics(tmp_path / "metrics.jsonl")) <= stop
    with open_trainer(config, tmp_path, resumed=True) as trainer:
        assert trainer.state.step == stop
        assert trainer.milestones.eval_is_due(trainer.state) == (stop == 3)


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_interrupted_evaluation_runs_once_after_resuming(
    number, moment, run, train_config, open_trainer, tmp_path
):
    config = train_config(dropout=0.1)
    alone = run(config, tmp_path / "alone")
    with pytest.raises(Interrupted, match=f"after step {2 * number}$"):
        run(config, tmp_path / "stopped", at=("score_dev", number, moment, terminate))
    lines = read_metrics(tmp_path / "stopped" / "metrics.jsonl")
    assert [x["step"] for x in lines if "dev/gap" in x] == [2, 4, 6][: number - 1]
    with open_trainer(config, tmp_path / "stopped", resumed=True) as trainer:
        calls = act_at(trainer, "score_dev", None, None, None)
        trainer.train()
    assert len(calls) == 4 - number
    assert run(config, tmp_path / "stopped", resumed=True) == alone


def test_stop_waits_for_a_checkpoint_being_written(run, train_config, tmp_path):
    config = train_config(dropout=0.1)
    alone = run(config, tmp_path / "alone")
    with pytest.raises(Interrupted, match="after step 4$"):
        run(config, tmp_path / "stopped", at=("write_checkpoint", 2, "before", terminate))
    assert run(config, tmp_path / "stopped", resumed=True) == alone


def test_patience_survives_a_stop(run, train_config, tmp_path):
    # At this learning rate no later scoring can beat the first.
    config = train_config(max_steps=9, eval_every=1, patience=3, optimizer={"learning_rate": 1e-9})
    alone = run(config, tmp_path / "alone")
    assert alone["state"][:3] == [4, 1, 3]
    with pytest.raises(Interrupted, match="after step 3$"):
        run(config, tmp_path / "stopped", at=("optimizer_step", 3, "after", terminate))
    assert run(config, tmp_path / "stopped", resumed=True) == alone


def test_a_finished_run_takes_no_further_step(run, train_config, tmp_path):
    config = train_config()
    first = run(config, tmp_path)
    assert run(config, tmp_path, resumed=True, at=("optimizer_step", 1, "before", kill)) == first
