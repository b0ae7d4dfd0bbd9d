import numpy as np
import pytest

from infoxlm import InfoXLMForSequenceClassification, InfoXLMTokenizer
from infoxlm.data.token_cache import EncodedExamples
from infoxlm.errors import UserError
from infoxlm.evaluate.metrics import SplitScores
from infoxlm.evaluate.scoring import score
from infoxlm.schema import (
    DataConfig,
    HardwareConfig,
    ModelConfig,
    OptimizerConfig,
    SchedulerConfig,
    SelectOn,
    TrainConfig,
    TrainerConfig,
)
from infoxlm.tracking.metrics_log import read_metrics
from infoxlm.tracking.run_tracker import RunTracker
from infoxlm.train.checkpoints import Checkpoints
from infoxlm.train.gradients import TrainingPairs
from infoxlm.train.randomness import seed_everything
from infoxlm.train.trainer import Trainer

LEARNING_RATE = 5e-3


def dev(english, german):
    """Scores of so many right answers in ten."""

    def column(right):
        return np.arange(10) >= right

    labels = {language: np.zeros(10, np.int64) for language in ("en", "de")}
    predicted = {"en": column(english).astype(int), "de": column(german).astype(int)}
    return SplitScores.from_predictions(labels, predicted)


@pytest.fixture
def run(tmp_path, tiny_model, random_token_ids, sentencepiece_file):
    """Trains a tiny model on 24 pairs; dev scores are given, or those of the training pairs."""
    token_ids = random_token_ids(24)
    labels = np.arange(24) % 3

    def train(folder="run", scores=None, seed=1, active=True, dropout=0.0, **trainer):
        seed_everything(seed)
        model = tiny_model(
            hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout, initializer_range=0.1
        )
        settings = {"effective_batch_size": 10, "max_steps": 6, "eval_every": 2, "log_every": 2}
        config = TrainConfig(
            seed=seed,
            model=ModelConfig("tiny"),
            data=DataConfig("pairs", cache_dir="unused"),
            optimizer=OptimizerConfig("adamw", LEARNING_RATE, weight_decay=0.01),
            scheduler=SchedulerConfig("linear", 0.1),
            hardware=HardwareConfig("cpu", micro_batch_tokens=100, active_vocabulary=active),
            trainer=TrainerConfig(**settings | trainer),
        )
        examples = EncodedExamples(token_ids, labels, np.arange(24), "en")
        planned = iter(scores or [])

        def score_dev(model):
            scored = score(model, [examples], max_tokens=400)[0]
            return next(planned) if scores else scored

        folder = tmp_path / folder
        tokenizer = InfoXLMTokenizer(sentencepiece_file)
        checkpoints = Checkpoints(
            folder / "checkpoints", tokenizer, config.trainer.keep_checkpoints
        )
        with RunTracker(folder, "tiny") as tracker:
            pairs = TrainingPairs(token_ids, labels)
            result = Trainer(config, model, pairs, score_dev, tracker, checkpoints).train()
        return result, read_metrics(folder / "metrics.jsonl"), folder / "checkpoints", examples

    return train


def losses(metrics):
    return [record["train/loss"] for record in metrics if "train/loss" in record]


def test_24_pairs_are_learned_by_heart(run):
    result, metrics, folder, examples = run(max_steps=120, eval_every=40, log_every=1)
    assert losses(metrics)[0] > 1.0
    assert losses(metrics)[-1] < 0.05
    assert result.best_dev.accuracy["en"] == 1.0
    assert (result.steps, result.pairs) == (120, 40 * 24)
    best = InfoXLMForSequenceClassification.from_pretrained(folder / "best")
    again, _ = score(best, [examples], max_tokens=50)
    np.testing.assert_array_equal(again.confusion["en"], result.best_dev.confusion["en"])


def test_what_is_logged_when(run):
    scores = [dev(5, 3), dev(6, 5), dev(6, 4)]
    result, metrics, _, _ = run(scores=scores, max_steps=5, eval_every=2, log_every=3)
    train = {record["step"]: record for record in metrics if "train/loss" in record}
    assert list(train) == [1, 3, 5]
    assert all(record["train/pairs_per_second"] > 0 for record in train.values())
    # Warm-up takes ceil(0.1 * 5) = 1 step, and then four remain.
    rates = [train[step]["train/learning_rate"] / LEARNING_RATE for step in (1, 3, 5)]
    assert rates == pytest.approx([0, 3 / 4, 1 / 4])
    scored = {record["step"]: record for record in metrics if "dev/accuracy/average" in record}
    assert list(scored) == [2, 4, 5]
    assert scored[2] == pytest.approx({
        "step": 2, "dev/accuracy/de": 0.3, "dev/accuracy/en": 0.5, "dev/accuracy/average": 0.4,
        "dev/gap": 0.2,
    })  # fmt: skip
    # Epochs of 10, 10 and 4 pairs.
    assert (result.steps, result.pairs) == (5, 24 + 20)


@pytest.mark.parametrize(
    ("select_on", "best"), [(SelectOn.dev_average, 4), (SelectOn.dev_en, 6)], ids=lambda x: str(x)
)
def test_the_criterion_decides_which_step_is_the_best(select_on, best, run):
    scores = [dev(4, 4), dev(5, 9), dev(7, 2), dev(7, 6)]
    result, _, folder, _ = run(
        scores=scores, max_steps=8, select_on=select_on, keep_checkpoints=9, patience=None
    )
    assert result.best_step == best
    assert result.best_dev is scores[best // 2 - 1]
    assert sorted(path.name for path in folder.iterdir()) == [
        "best", "step-2", "step-4", "step-6", "step-8",
    ]  # fmt: skip
    weights = "model.safetensors"
    assert (folder / "best" / weights).samefile(folder / f"step-{best}" / weights)


def test_patience_ends_training(run):
    scores = [dev(4, 4), dev(6, 6), dev(5, 5), dev(6, 6), dev(9, 9)]
    result, metrics, _, _ = run(scores=scores, max_steps=20, patience=2)
    assert (result.steps, result.best_step) == (8, 4)
    assert max(record["step"] for record in metrics) == 8


def test_checkpoints_between_scorings(run):
    scores = [dev(5, 5), dev(4, 4)]
    _, _, folder, _ = run(
        scores=scores, max_steps=8, eval_every=4, save_every=3, keep_checkpoints=9
    )
    assert sorted(path.name for path in folder.iterdir()) == [
        "best",
        *(f"step-{n}" for n in (3, 4, 6, 8)),
    ]


def test_epochs_without_max_steps(run):
    result, _, _, _ = run(max_steps=None, epochs=2, eval_every=100)
    assert (result.steps, result.pairs) == (6, 48)


@pytest.mark.parametrize("active", [True, False])
def test_the_same_seed_gives_the_same_run_to_the_last_bit(active, run):
    def trained(folder, seed):
        changes = {"active": active, "dropout": 0.1, "log_every": 1}
        _, metrics, checkpoints, _ = run(folder, seed=seed, **changes)
        return losses(metrics), (checkpoints / "step-6" / "model.safetensors").read_bytes()

    first = trained("first", 1)
    assert trained("second", 1) == first
    assert trained("third", 2)[0] != first[0]


def test_the_active_vocabulary_changes_nothing_but_speed(run):
    plain = losses(run("plain", active=False, log_every=1)[1])
    assert losses(run("active", log_every=1)[1]) == pytest.approx(plain, rel=1e-5)


def test_a_loss_that_is_not_a_number_stops_the_run(run, monkeypatch):
    from infoxlm.train import trainer

    true_gradient = trainer.accumulate_gradient
    results = iter([1.0, float("nan")])

    def poisoned(*arguments, **options):
        true_gradient(*arguments, **options)
        return next(results)

    monkeypatch.setattr(trainer, "accumulate_gradient", poisoned)
    with pytest.raises(UserError, match=r"the loss is nan at a learning rate of .* after 1 opt"):
        run()
