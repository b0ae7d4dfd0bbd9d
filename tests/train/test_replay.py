import json

import numpy as np
import paddle
import pytest

from infoxlm.errors import UserError
from infoxlm.train.failed_step import BATCH
from infoxlm.train.replay import not_finite, replay


@pytest.fixture
def failed(open_trainer, train_config, tmp_path):
    """Takes three steps, makes a matrix huge, and fails at the fourth; gives its batch.json."""

    def fail(factor=1e25, **changes):
        config = train_config(dropout=0.1, max_steps=8, **changes)
        with open_trainer(config, tmp_path / "failed") as trainer:
            for step in range(3):
                trainer.take_step(trainer.batches.rows(step))
            with paddle.no_grad():
                trainer.learner.model.classifier.out_proj.weight.scale_(factor)
            with pytest.raises(UserError):
                trainer.take_step(trainer.batches.rows(3))
        return config, tmp_path / "failed" / "checkpoints" / "failed_step" / BATCH

    return fail


@pytest.mark.parametrize("active", [True, False])
def test_the_losses_are_those_of_the_failed_step(active, failed, inputs, tmp_path):
    config, batch = failed(hardware={"active_vocabulary": active})
    paddle.seed(99)  # the draws of dropout come from the step's number alone
    again = replay(config, inputs, tmp_path / "again", batch)
    expected = json.loads(batch.read_text())
    key = "language", "file", "row", "loss"
    assert sorted([pair[x] for x in key] for pair in again.pairs) == sorted(
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
    assert json.loads(json.dumps(again.as_dict())) == again.as_dict()


def test_the_highest_losses_come_first_with_their_lengths(failed, inputs, tmp_path):
    config, batch = failed()
    again = replay(config, inputs, tmp_path / "again", batch)
    losses = [pair["loss"] for pair in again.pairs]
    assert losses == sorted(losses, reverse=True)
    lengths = inputs.train[0].token_ids.lengths
    assert all(pair["tokens"] == lengths[pair["row"] // 2] for pair in again.pairs)


def test_another_configuration_shows_what_helps(failed, inputs, train_config, tmp_path):
    _, batch = failed()
    plain = train_config(dropout=0.0, max_steps=8, hardware={"micro_batch_size": 1})
    losses = {
        pair["row"]: pair["loss"] for pair in replay(plain, inputs, tmp_path / "again", batch).pairs
    }
    written = {pair["row"]: pair["loss"] for pair in json.loads(batch.read_text())["pairs"]}
    assert losses.keys() == written.keys()
    assert losses != written


def test_the_run_that_failed_is_left_as_it_is(failed, inputs, tmp_path):
    config, batch = failed()
    before = {path: path.read_bytes() for path in batch.parents[1].rglob("*") if path.is_file()}
    replay(config, inputs, tmp_path / "again", batch)
    after = {path: path.read_bytes() for path in batch.parents[1].rglob("*") if path.is_file()}
    assert after == before
    assert not (tmp_path / "again" / "checkpoints").exists()


def test_pairs_that_the_data_does_not_hold_are_refused(failed, inputs, tmp_path):
    config, batch = failed()
    content = json.loads(batch.read_text())
    content["pairs"][2]["row"] = 777
    batch.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"batch\.json (has \d+ bytes|is damaged)"):
        replay(config, inputs, tmp_path / "again", batch)
    (batch.parent / "manifest.json").write_text('{"files": {}}')
    with pytest.raises(UserError, match="row 777 of language en is not among the training pairs"):
        replay(config, inputs, tmp_path / "again", batch)


def test_weights_that_are_not_finite_are_named(failed, inputs, tmp_path):
    config, batch = failed(factor=float("nan"))
    with pytest.raises(UserError, match=r"classifier\.out_proj\.weight holds infinities or NaN"):
        replay(config, inputs, tmp_path / "again", batch)


def test_gradients_that_are_not_finite_are_named():
    layers = {name: paddle.nn.Linear(2, 2) for name in ("good", "nan", "inf", "huge", "none")}
    for name, value in (("good", 1.0), ("nan", np.nan), ("inf", np.inf), ("huge", 1e30)):
        layers[name].weight.grad = paddle.to_tensor(np.array([[0, value], [1, 2]], np.float32))
    parameters = [(name, layer.weight) for name, layer in layers.items()]
    assert not_finite(parameters) == ["nan", "inf", "huge"]
