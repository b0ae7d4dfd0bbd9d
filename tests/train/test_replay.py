import json
from dataclasses import replace

import numpy as np
import paddle
import pytest

from infoxlm.commands.train import write_replay
from infoxlm.errors import UserError
from infoxlm.train.failed_step import BATCH
from infoxlm.train.replay import Replay, non_finite_parameters


@pytest.fixture
def failed(open_trainer, train_config, tmp_path):
    """Takes three steps, makes a matrix huge, and fails at the fourth; gives its batch.json."""

    def fail(factor=1e25, dropout=0.1, **changes):
        config = train_config(dropout=dropout, max_steps=8, **changes)
        with open_trainer(config, tmp_path / "failed") as trainer:
            for _ in range(3):
                trainer.optimizer_step()
            with paddle.no_grad():
                trainer.module.model.classifier.out_proj.weight.scale_(factor)
            with pytest.raises(UserError):
                trainer.optimizer_step()
        return config, tmp_path / "failed" / "checkpoints" / "failed_step" / BATCH

    return fail


@pytest.fixture
def replay(inputs, open_context, tmp_path, capsys):
    """Computes a failed step again as the command does, into another folder."""

    def again(config, batch):
        folder = tmp_path / "again"
        config = replace(config, trainer=replace(config.trainer, replay=str(batch)))
        with open_context(config, folder) as run:
            folder.mkdir(exist_ok=True)
            write_replay(config, inputs, run)
        content = json.loads((folder / "replay.json").read_text())
        names = {"pairs": "examples"}
        found = Replay(**{names.get(key, key): value for key, value in content.items()})
        assert found.as_dict() == content
        return found

    return again


@pytest.mark.parametrize("active", [True, False])
def test_losses_match_the_failed_step(active, failed, replay):
    config, batch = failed(hardware={"active_vocabulary": active})
    paddle.seed(99)  # the draws of dropout come from the step's number alone
    again = replay(config, batch)
    expected = json.loads(batch.read_text())
    key = "language", "file", "row", "loss"
    assert sorted([pair[x] for x in key] for pair in again.examples) == sorted(
        [pair[x] for x in key] for pair in expected["pairs"]
    )
    assert (again.step, again.loss, again.gradient_norm) == (
        4,
        pytest.approx(expected["loss"]),
        None,
    )
    # What lies above the huge matrix has gradients of the usual size.
    assert "classifier.dense.weight" in again.parameters
    assert not [name for name in again.parameters if name.startswith("classifier.out_proj")]


def test_the_highest_losses_come_first_with_their_lengths(failed, inputs, replay):
    config, batch = failed()
    again = replay(config, batch)
    losses = [pair["loss"] for pair in again.examples]
    assert losses == sorted(losses, reverse=True)
    lengths = inputs.train[0].token_ids.lengths
    assert all(pair["tokens"] == lengths[pair["row"] // 2] for pair in again.examples)


def test_another_configuration_shows_what_helps(failed, train_config, replay):
    _, batch = failed(dropout=0.7)  # so much that other examples are right without it
    plain = train_config(dropout=0.0, max_steps=8, hardware={"micro_batch_size": 1})
    losses = {pair["row"]: pair["loss"] for pair in replay(plain, batch).examples}
    written = {pair["row"]: pair["loss"] for pair in json.loads(batch.read_text())["pairs"]}
    assert losses.keys() == written.keys()
    assert losses != written


def test_the_run_that_failed_is_left_as_it_is(failed, replay, tmp_path):
    config, batch = failed()
    before = {path: path.read_bytes() for path in batch.parents[1].rglob("*") if path.is_file()}
    replay(config, batch)
    after = {path: path.read_bytes() for path in batch.parents[1].rglob("*") if path.is_file()}
    assert after == before
    assert not (tmp_path / "again" / "checkpoints").exists()


def test_examples_missing_from_the_data_are_refused(failed, replay):
    config, batch = failed()
    content = json.loads(batch.read_text())
    content["pairs"][2]["row"] = 777
    batch.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"batch\.json (has \d+ bytes|is damaged)"):
        replay(config, batch)
    (batch.parent / "manifest.json").write_text('{"files": {}}')
    with pytest.raises(UserError, match="row 777 of language en is not among the training"):
        replay(config, batch)


def test_non_finite_weights_are_named(failed, replay):
    config, batch = failed(factor=float("nan"))
    with pytest.raises(UserError, match=r"classifier\.out_proj\.weight holds infinities or NaN"):
        replay(config, batch)


def test_non_finite_gradients_are_named():
    layers = {name: paddle.nn.Linear(2, 2) for name in ("good", "nan", "inf", "huge", "none")}
    for name, value in (("good", 1.0), ("nan", np.nan), ("inf", np.inf), ("huge", 1e30)):
        layers[name].weight.grad = paddle.to_tensor(np.array([[0, value], [1, 2]], np.float32))
    parameters = [(name, layer.weight) for name, layer in layers.items()]
    assert non_finite_parameters(parameters) == ["nan", "inf", "huge"]
