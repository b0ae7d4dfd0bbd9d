import logging
import signal
from dataclasses import replace

import numpy as np
import pytest

from infoxlm.errors import UserError
from infoxlm.stopping import Interrupted
from infoxlm.tasks.classification.task import Task
from infoxlm.tracking.metrics_log import read_metrics
from infoxlm.train.building import build_trainer, load_model
from infoxlm.train.checkpoints import Checkpoints
from infoxlm.train.trainer import Trainer


def outcome(result):
    return (
        result.test.as_dict(),
        result.predictions.columns,
        [result.state.step, result.state.best_step, result.state.examples],
        result.state.best_dev.as_dict(),
    )


def stop_at(monkeypatch, number):
    """Send SIGTERM when examples are scored for the n-th time."""
    calls, evaluate = [], Task.evaluate

    def watched(*arguments):
        calls.append(arguments)
        if len(calls) == number:
            signal.raise_signal(signal.SIGTERM)
        return evaluate(*arguments)

    monkeypatch.setattr(Task, "evaluate", watched)


def trained_on(config, inputs, open_context, folder):
    """The examples that a trainer of these inputs trains on."""
    checkpoints = Checkpoints(folder / "checkpoints", 1)
    with open_context(config, folder) as run:
        model = load_model(config.model, inputs, "cpu", config.seed, None)
        (stream,) = build_trainer(config, inputs, run, model, checkpoints).module.streams
    return stream.examples


@pytest.mark.parametrize("keep", [0, 1])
def test_stop_during_the_test_evaluation_changes_nothing(
    keep, train_in, train_config, timeless, monkeypatch, tmp_path
):
    config = train_config(dropout=0.1, keep_checkpoints=keep)
    alone = train_in(config, tmp_path / "alone")
    assert alone.encoder == "tiny"
    with monkeypatch.context() as patch, pytest.raises(Interrupted, match="before test") as ended:
        stop_at(patch, 4)  # after dev, three times
        train_in(config, tmp_path / "stopped")
    assert ended.value.code == 143
    assert not [x for x in read_metrics(tmp_path / "stopped/metrics.jsonl") if "test/gap" in x]
    resumed = train_in(config, tmp_path / "stopped", resumed=True)
    assert outcome(resumed) == outcome(alone)
    assert timeless(tmp_path / "stopped") == timeless(tmp_path / "alone")


def test_a_new_head_is_drawn_once(
    inputs, train_config, train_in, open_trainer, weights_of, tmp_path
):
    from infoxlm import InfoXLMForSequenceClassification

    config = train_config()
    config.model.new_head = True
    given = InfoXLMForSequenceClassification.from_pretrained(inputs.checkpoint).state_dict()
    with open_trainer(config, tmp_path) as trainer:
        drawn = weights_of(trainer)
        for name, value in given.items():
            # Only LayerNorm's and biases could be drawn alike; all of this model's are other.
            assert (drawn[name] == value.numpy().tobytes()) != name.startswith("classifier."), name
    config.trainer.max_steps = 2
    train_in(config, tmp_path)
    saved = InfoXLMForSequenceClassification.from_pretrained(tmp_path / "checkpoints" / "best")
    with open_trainer(config, tmp_path, resumed=True) as trainer:
        resumed = weights_of(trainer)
        for name, value in saved.state_dict().items():
            assert resumed[name] == value.numpy().tobytes(), name


def test_test_is_scored_with_the_best_checkpoint(
    inputs, train_config, train_in, scores_of, tmp_path
):
    from infoxlm import InfoXLMForSequenceClassification

    # The last steps are so long that they make it worse.
    config = train_config(max_steps=8, optimizer={"learning_rate": 0.3}, seed=3)
    result = train_in(config, tmp_path)
    assert result.state.best_step < 8
    best = InfoXLMForSequenceClassification.from_pretrained(tmp_path / "checkpoints" / "best")
    assert result.test.as_dict() == scores_of(best, inputs.test).as_dict()
    logged = read_metrics(tmp_path / "metrics.jsonl")[-1]
    assert logged["step"] == 8
    assert logged["test/accuracy/average"] == result.test.average
    assert logged["dev/best_average"] == result.state.best_dev.average


def test_a_best_checkpoint_that_was_damaged_is_not_scored(
    train_in, train_config, monkeypatch, tmp_path
):
    weights = tmp_path / "checkpoints" / "best" / "model.safetensors"
    train = Trainer.train

    def damaged(self, *arguments):
        state = train(self, *arguments)
        content = bytearray(weights.read_bytes())
        content[-2] ^= 64
        weights.write_bytes(content)
        return state

    monkeypatch.setattr(Trainer, "train", damaged)
    with pytest.raises(UserError, match=r"best/model\.safetensors is damaged"):
        train_in(train_config(), tmp_path)


def test_run_without_a_usable_checkpoint_begins_again(train_in, train_config, tmp_path, caplog):
    config = train_config(dropout=0.1)
    first = train_in(config, tmp_path)
    for name in ("best", "step-6"):
        (tmp_path / "checkpoints" / name / "config.json").write_text("{}")
    again = train_in(config, tmp_path, resumed=True)
    assert outcome(again) == outcome(first)
    assert "step-6/config.json" in caplog.text


def test_labels_are_what_the_checkpoint_calls_them(inputs, train_config, open_context, tmp_path):
    from infoxlm import InfoXLMForSequenceClassification

    order = {0: "CONTRADICTION", 1: "ENTAILMENT", 2: "NEUTRAL"}
    model = InfoXLMForSequenceClassification.from_pretrained(inputs.checkpoint, id2label=order)
    model.save_pretrained(tmp_path / "other")
    mixed = replace(inputs, checkpoint=tmp_path / "other")
    examples = trained_on(train_config(), mixed, open_context, tmp_path / "run")
    # Ours are entailment, neutral, contradiction.
    labels = examples.targets["labels"]
    np.testing.assert_array_equal(labels, np.array([1, 2, 0])[np.arange(24) % 3])


def test_examples_of_several_languages_are_joined(
    inputs, train_config, open_context, labelled, tmp_path
):
    token_ids, labels = inputs.dev[1].token_ids, inputs.dev[1].targets["labels"]
    german = labelled(token_ids, labels, np.arange(12) * 3, "de")
    both = replace(inputs, train=[*inputs.train, german])
    examples = trained_on(train_config(), both, open_context, tmp_path)
    assert len(examples) == len(examples.targets["labels"]) == len(examples.token_ids) == 36
    assert examples.origin(24 + 5) == {"language": "de", "file": "pairs/de.tsv", "row": 15}
    np.testing.assert_array_equal(examples.targets["labels"][24:], labels)
    lengths = np.concatenate([x.token_ids.lengths for x in both.train])
    np.testing.assert_array_equal(examples.token_ids.lengths, lengths)


def test_plan_is_logged(train_in, train_config, tmp_path, caplog):
    config = train_config(
        max_steps=None,
        epochs=2,
        eval_every=9,
        effective_batch_size=100,
        hardware={"micro_batch_size": 7, "micro_batch_tokens": 99},
    )
    with caplog.at_level(logging.INFO):
        train_in(config, tmp_path)
    assert (
        "24 training examples, 24 a step in micro-batches of at most 99 tokens or 7 examples: "
        "1 step an epoch, 2 in all"
    ) in caplog.text
