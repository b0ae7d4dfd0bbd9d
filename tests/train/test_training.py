import logging
import signal
from dataclasses import replace

import numpy as np
import pytest
from infoxlm.evaluate.scoring import score
from infoxlm.train.fine_tuning import build_trainer, fine_tune

from infoxlm.data.token_cache import EncodedExamples
from infoxlm.errors import UserError
from infoxlm.stopping import Interrupted
from infoxlm.tracking.metrics_log import read_metrics
from infoxlm.tracking.timings import Timings
from infoxlm.train import fine_tuning
from infoxlm.train.trainer import Trainer


def outcome(tuned):
    return (
        tuned.test.as_dict(),
        tuned.predictions.probabilities.tobytes(),
        [tuned.state.step, tuned.state.best_step, tuned.state.pairs],
        tuned.state.best_dev.as_dict(),
    )


def stop_at(monkeypatch, scoring_number):
    """Send SIGTERM when examples are scored for the n-th time."""
    calls = []

    def watched(*arguments, **options):
        calls.append(arguments)
        if len(calls) == scoring_number:
            signal.raise_signal(signal.SIGTERM)
        return score(*arguments, **options)

    monkeypatch.setattr(fine_tuning, "score", watched)


@pytest.mark.parametrize("keep", [0, 1])
def test_a_stop_while_test_is_scored_changes_nothing(
    keep, inputs, train_config, timeless, monkeypatch, tmp_path
):
    config = train_config(dropout=0.1, keep_checkpoints=keep)
    alone = fine_tune(config, inputs, tmp_path / "alone", resumed=False, parts=Timings())
    assert alone.encoder == "tiny"
    with monkeypatch.context() as patch, pytest.raises(Interrupted, match="before test") as ended:
        stop_at(patch, 4)  # after dev, three times
        fine_tune(config, inputs, tmp_path / "stopped", resumed=False, parts=Timings())
    assert ended.value.code == 143
    assert not [x for x in read_metrics(tmp_path / "stopped/metrics.jsonl") if "test/gap" in x]
    resumed = fine_tune(config, inputs, tmp_path / "stopped", resumed=True, parts=Timings())
    assert outcome(resumed) == outcome(alone)
    assert timeless(tmp_path / "stopped") == timeless(tmp_path / "alone")


def test_a_new_head_is_drawn_once(inputs, train_config, open_trainer, weights_of, tmp_path):
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
    fine_tune(config, inputs, tmp_path, resumed=False, parts=Timings())
    saved = InfoXLMForSequenceClassification.from_pretrained(tmp_path / "checkpoints" / "best")
    with open_trainer(config, tmp_path, resumed=True) as trainer:
        resumed = weights_of(trainer)
        for name, value in saved.state_dict().items():
            assert resumed[name] == value.numpy().tobytes(), name


def test_test_is_scored_with_the_best_checkpoint(inputs, train_config, monkeypatch, tmp_path):
    from infoxlm import InfoXLMForSequenceClassification

    # The last steps are so long that they make it worse.
    config = train_config(max_steps=8, optimizer={"learning_rate": 0.3}, seed=3)
    tuned = fine_tune(config, inputs, tmp_path, resumed=False, parts=Timings())
    assert tuned.state.best_step < 8
    best = InfoXLMForSequenceClassification.from_pretrained(tmp_path / "checkpoints" / "best")
    assert tuned.test.as_dict() == score(best, inputs.test, max_tokens=4096)[0].as_dict()
    logged = read_metrics(tmp_path / "metrics.jsonl")[-1]
    assert logged["step"] == 8
    assert logged["test/accuracy/average"] == tuned.test.average
    assert logged["dev/best_average"] == tuned.state.best_dev.average


def test_a_best_checkpoint_that_was_damaged_is_not_scored(
    inputs, train_config, monkeypatch, tmp_path
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
        fine_tune(train_config(), inputs, tmp_path, resumed=False, parts=Timings())


def test_a_run_without_a_usable_checkpoint_begins_anew(inputs, train_config, tmp_path, caplog):
    config = train_config(dropout=0.1)
    first = fine_tune(config, inputs, tmp_path, resumed=False, parts=Timings())
    for name in ("best", "step-6"):
        (tmp_path / "checkpoints" / name / "config.json").write_text("{}")
    again = fine_tune(config, inputs, tmp_path, resumed=True, parts=Timings())
    assert outcome(again) == outcome(first)
    assert "step-6/config.json" in caplog.text


def test_labels_are_what_the_checkpoint_calls_them(inputs, train_config, tmp_path):
    from infoxlm import InfoXLMForSequenceClassification
    from infoxlm.tracking.run_tracker import RunTracker
    from infoxlm.train.checkpoints import Checkpoints

    order = {0: "CONTRADICTION", 1: "ENTAILMENT", 2: "NEUTRAL"}
    model = InfoXLMForSequenceClassification.from_pretrained(inputs.checkpoint, id2label=order)
    model.save_pretrained(tmp_path / "other")
    mixed = replace(inputs, checkpoint=tmp_path / "other")
    with RunTracker(tmp_path / "run", "tiny") as tracker:
        checkpoints = Checkpoints(tmp_path / "run" / "checkpoints", 1)
        trainer = build_trainer(train_config(), mixed, tracker, checkpoints, None)
    # Ours are entailment, neutral, contradiction.
    labels = trainer.learner.pairs.labels
    np.testing.assert_array_equal(labels, np.array([1, 2, 0])[np.arange(24) % 3])


def test_pairs_of_several_languages_are_joined_and_found_again(inputs, train_config, open_trainer):
    german = EncodedExamples(inputs.dev[1].token_ids, inputs.dev[1].labels, np.arange(12) * 3, "de")
    both = replace(
        inputs,
        train=[*inputs.train, german],
        train_files={"en": "pairs/en.tsv", "de": "pairs/de.tsv"},
    )
    trainer = build_trainer(train_config(), both, None, None, None)
    assert len(trainer.learner.pairs.labels) == len(trainer.learner.pairs.token_ids) == 36
    assert trainer.origins.of(24 + 5) == {"language": "de", "file": "pairs/de.tsv", "row": 15}
    np.testing.assert_array_equal(trainer.learner.pairs.labels[24:], german.labels)
    lengths = np.concatenate([x.token_ids.lengths for x in both.train])
    np.testing.assert_array_equal(trainer.learner.pairs.token_ids.lengths, lengths)


def test_the_plan_is_told(inputs, train_config, tmp_path, caplog):
    config = train_config(
        max_steps=None,
        epochs=2,
        eval_every=9,
        effective_batch_size=100,
        hardware={"micro_batch_size": 7, "micro_batch_tokens": 99},
    )
    with caplog.at_level(logging.INFO):
        fine_tune(config, inputs, tmp_path, resumed=False, parts=Timings())
    assert (
        "24 training pairs, 24 a step in micro-batches of at most 99 tokens or 7 pairs: "
        "1 steps an epoch, 2 in all"
    ) in caplog.text
