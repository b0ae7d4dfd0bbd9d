import json

import numpy as np
import paddle
import pytest

from infoxlm.errors import UserError
from infoxlm.train.failed_step import BATCH, FailedStep, finite
from infoxlm.train.training_state import STATE_FILE

FAILED = FailedStep(
    step=7,
    learning_rate=0.5,
    loss=None,
    gradient_norm=None,
    examples=[
        {"language": "en", "file": "a/en.tsv", "row": 3, "loss": 1.25},
        {"language": "de", "file": "a/de.tsv", "row": 9, "loss": None},
        {"language": "de", "file": "a/de.tsv", "row": 11, "loss": None},
    ],
)


def test_batch_round_trips(tmp_path):
    path = FAILED.write(tmp_path)
    assert path == tmp_path / BATCH
    assert FailedStep.read(path) == FAILED


def test_the_error_names_step_rate_file_and_row(tmp_path):
    error = FAILED.error(tmp_path / BATCH)
    assert error.problem == (
        "the loss of step 7 is not finite (2 of 3 examples, the first a/de.tsv row 9), "
        "at a learning rate of 0.5; the step was not taken"
    )
    assert "optimizer.learning_rate" in error.remedy
    assert f"trainer.replay={tmp_path / BATCH}" in error.remedy


def test_non_finite_gradient_names_no_example(tmp_path):
    pairs = [pair | {"loss": 1.0} for pair in FAILED.examples]
    error = FailedStep(1, 2e-5, 1.0, None, pairs).error(tmp_path)
    assert error.problem.startswith(
        "the gradient of step 1 is not finite, at a learning rate of 2e"
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1.5, 1.5), (0.0, 0.0), (float("nan"), None), (float("inf"), None), (-float("inf"), None)],
)
def test_finite(value, expected):
    assert finite(value) == expected


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "7", "{}", '{"step": 1}', "null",
        '{"step":1,"learning_rate":1,"loss":1,"gradient_norm":1,"pairs":7}',
        '{"step":1,"learning_rate":1,"loss":1,"gradient_norm":1,"pairs":[7]}',
        '{"step":1,"learning_rate":1,"loss":1,"gradient_norm":1,"pairs":[{"language":"en"}]}',
        '{"step":1,"learning_rate":1,"loss":1,"gradient_norm":1,"pairs":["en"]}',
        '{"step":1,"learning_rate":1,"loss":1,"gradient_norm":1,'
        '"pairs":[{"language":"en","row":"x"}]}',
    ],
)  # fmt: skip
def test_other_files_are_refused(text, tmp_path):
    (tmp_path / BATCH).write_text(text)
    with pytest.raises(UserError, match=rf"trainer\.replay=.*{BATCH} cannot be read.*failed_step"):
        FailedStep.read(tmp_path / BATCH)


@pytest.mark.parametrize(
    "damage",
    [{"step": "7"}, {"learning_rate": None}, {"pairs": {}}, {"pairs": [{"language": "en"}]}],
    ids=str,
)
def test_values_of_other_types_are_refused(damage, tmp_path):
    path = FAILED.write(tmp_path)
    path.write_text(json.dumps(json.loads(path.read_text()) | damage))
    with pytest.raises(UserError, match="cannot be read"):
        FailedStep.read(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        FailedStep.read(tmp_path / BATCH)
    with pytest.raises(UserError, match="cannot be read"):
        FailedStep.read(tmp_path)


# A trainer at such a step


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@paddle.no_grad()
def poison_embedding(trainer, rows, value):
    """Make the vector of one word not finite, and return which of the pairs hold the word."""
    module = trainer.module
    ids = module.streams[0].examples.token_ids
    words, counts = np.unique(np.concatenate(ids.take(rows)), return_counts=True)
    word = words[counts.argmin()]
    column = int(word if module.vocabulary is None else module.vocabulary.compact(word))
    module.model.roberta.embeddings.word_embeddings.weight[column] = value
    return [row for row in rows.tolist() if word in ids[row]]


@paddle.no_grad()
def inflate(trainer, rows):
    """Make the logits huge: the losses are finite, the squares of their gradient are not."""
    trainer.module.model.classifier.out_proj.weight.scale_(1e25)


@pytest.fixture
def failed(open_trainer, train_config, weights_of, tmp_path):
    """Takes some steps, does harm, and takes one more, which must fail."""

    def run(harm, steps=3, **changes):
        config = train_config(dropout=0.1, max_steps=8, save_every=1, **changes)
        with open_trainer(config, tmp_path) as trainer:
            rows = trainer.module.streams[0].sampler.rows(steps)
            for _ in range(steps):
                trainer.optimizer_step()
            trainer.save()
            before = contents(tmp_path / "checkpoints")
            guilty = harm(trainer, rows)
            weights = weights_of(trainer)
            with pytest.raises(UserError) as error:
                trainer.optimizer_step()
            assert weights_of(trainer) == weights
            assert trainer.state.step == steps
        after = contents(tmp_path / "checkpoints")
        assert before.items() <= after.items()
        folder = tmp_path / "checkpoints" / "failed_step"
        assert str(folder / BATCH) in error.value.remedy
        assert json.loads((folder / STATE_FILE).read_text())["step"] == steps
        batch = json.loads((folder / BATCH).read_text())
        assert [pair["row"] for pair in batch["pairs"]] == (2 * rows).tolist()
        assert {(pair["language"], pair["file"]) for pair in batch["pairs"]} == {
            ("en", "pairs/en.tsv")
        }
        return error.value.problem, batch, rows, guilty

    return run


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("active", [True, False])
def test_non_finite_weight_is_traced_to_its_examples(value, active, failed):
    problem, batch, rows, guilty = failed(
        lambda *at: poison_embedding(*at, value), hardware={"active_vocabulary": active}
    )
    named = [pair["row"] for pair in batch["pairs"] if pair["loss"] is None]
    assert named == [2 * row for row in guilty]
    assert 0 < len(named) < len(rows)
    assert "the loss of step 4 is not finite" in problem
    assert (
        f"({len(named)} of {len(rows)} examples, the first pairs/en.tsv row {named[0]})" in problem
    )
    assert f"learning rate of {batch['learning_rate']:g};" in problem
    assert (batch["step"], batch["loss"], batch["gradient_norm"]) == (4, None, None)


def test_a_gradient_that_overflows_while_the_loss_is_finite(failed):
    problem, batch, _, _ = failed(inflate)
    assert "the gradient of step 4 is not finite, at a learning rate of" in problem
    assert batch["loss"] == pytest.approx(np.mean([pair["loss"] for pair in batch["pairs"]]))
    assert batch["gradient_norm"] is None


def test_a_learning_rate_that_is_too_high(open_trainer, train_config, tmp_path):
    config = train_config(optimizer={"learning_rate": 1e30}, eval_every=100)
    with open_trainer(config, tmp_path) as trainer, pytest.raises(UserError) as error:
        trainer.train()
    # The first step is taken with 0, the second with the peak, and the third sees what came of it.
    assert "of step 3 is not finite" in error.value.problem
    assert "at a learning rate of 8e+29; the step was not taken" in error.value.problem
    for parameter in trainer.module.model.parameters():
        assert np.isfinite(parameter.numpy()).all()
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["failed_step"]
