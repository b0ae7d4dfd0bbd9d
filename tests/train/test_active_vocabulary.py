from functools import partial
from types import SimpleNamespace

import numpy as np
import paddle
import pytest

from infoxlm.data.sampler import EpochSampler
from infoxlm.data.xnli import WORDS
from infoxlm.model.loading import load_classifier
from infoxlm.schema import ModelConfig, OptimizerConfig, SchedulerConfig, ShapeConfig
from infoxlm.train.active_vocabulary import CHUNK, ActiveVocabulary
from infoxlm.train.adamw import AdamW
from infoxlm.train.optimization import build_learning_rate, build_optimizer
from infoxlm.train.optimizer_setup import OptimizerSetup

STEPS = 20
TABLE = "roberta.embeddings.word_embeddings.weight"


@pytest.fixture(scope="module")
def examples(random_token_ids, labelled):
    return labelled(random_token_ids(32), np.random.default_rng(1).integers(0, 3, 32))


def values(model):
    return {name: parameter.numpy() for name, parameter in model.named_parameters()}


@pytest.fixture(scope="module")
def train(examples, accumulate):
    return partial(take_steps, accumulate, examples)


def take_steps(accumulate, examples, model, decay, *, compact, look=None):
    """Take some steps with the full table or the compact one, and leave the full one."""
    vocabulary = None
    if compact:
        vocabulary = ActiveVocabulary(model.roberta.embeddings, [examples.token_ids.ids])
    config = OptimizerConfig("adamw", learning_rate=3e-3, weight_decay=decay, epsilon=1e-6)
    learning_rate = build_learning_rate(config, SchedulerConfig("linear", 0.2), STEPS)
    optimizer = build_optimizer(model, config, learning_rate, STEPS)
    sampler = EpochSampler(len(examples), 8, seed=1)
    losses = []
    for step in range(STEPS):
        rows = sampler.rows(step)
        losses.append(accumulate(model, examples, rows, vocabulary=vocabulary).mean())
        optimizer.step()
        if vocabulary is not None:
            vocabulary.decay(optimizer.get_lr(), optimizer.applied_decay)
        learning_rate.step()
        optimizer.clear_grad(set_to_zero=False)
        if vocabulary is not None and look is not None:
            with vocabulary.full_table():
                look(step)
    if vocabulary is not None:
        with vocabulary.full_table():
            return values(model), losses
    return values(model), losses


@pytest.mark.parametrize("decay", [0.0, 0.01, 0.5])
def test_training_is_that_of_the_full_table(decay, tiny_model, examples, train):
    start = values(tiny_model())
    expected, expected_losses = train(tiny_model(), decay, compact=False)
    computed, losses = train(tiny_model(), decay, compact=True)
    assert expected_losses == pytest.approx(losses, rel=1e-5)
    assert computed.keys() == expected.keys()
    for name, value in expected.items():
        # The gradient of the key's bias is zero but for rounding, which Adam makes steps of.
        if "key.bias" not in name:
            moved = np.abs(value - start[name]).max()
            assert moved > 1e-4, name
            np.testing.assert_allclose(computed[name], value, rtol=1e-5, atol=1e-5, err_msg=name)
    unused = np.ones(len(start[TABLE]), bool)
    unused[examples.token_ids.ids] = False
    unused[:4] = False
    assert 100 < unused.sum() < len(unused)
    np.testing.assert_array_equal(computed[TABLE][unused], expected[TABLE][unused])
    assert (computed[TABLE][unused] != start[TABLE][unused]).any() == bool(decay)
    norms = np.linalg.norm(expected[TABLE][~unused], axis=1)
    apart = np.linalg.norm(computed[TABLE][~unused] - expected[TABLE][~unused], axis=1)
    assert (apart / norms).max() < 1e-6


@pytest.mark.parametrize(
    ("rate", "decay"),
    [(2e-5, 0.01), (2e-5, 0.1), (7.3e-5, 0.013), (7.3e-4, 0.013), (0.1, 0.5), (1e-6, 0.01)],
)
@pytest.mark.parametrize("kind", ["constant", "linear"])
def test_decay_of_unused_rows_matches_the_optimizer(kind, rate, decay, examples):
    # More rows than a chunk, of a width that leaves a rest for the kernel's vectors.
    rows = np.random.default_rng(0).normal(0, 0.3, (CHUNK + 77, 13)).astype(np.float32)
    full = paddle.create_parameter(rows.shape, "float32")
    full.set_value(rows)
    config = OptimizerConfig("adamw", learning_rate=rate, weight_decay=decay)
    schedule = build_learning_rate(config, SchedulerConfig(kind, 0.1), STEPS)
    optimizer = AdamW(OptimizerSetup(schedule, [full], decay, STEPS, lambda name: True))
    embeddings = SimpleNamespace(word_embeddings=paddle.nn.Embedding(*rows.shape))
    embeddings.word_embeddings.weight.set_value(rows)
    vocabulary = ActiveVocabulary(embeddings, [examples.token_ids.ids])
    factor, portions = 1.0, 0
    for _ in range(STEPS):
        full.grad = paddle.zeros_like(full)
        optimizer.step()
        vocabulary.decay(optimizer.get_lr(), optimizer.applied_decay)
        factor *= 1 - optimizer.get_lr() * decay
        portions += bool(optimizer.applied_decay)
        schedule.step()
    with vocabulary.full_table():
        decayed = embeddings.word_embeddings.weight.numpy()
    unused = np.setdiff1d(np.arange(len(rows)), vocabulary.active)
    np.testing.assert_array_equal(decayed[unused], full.numpy()[unused])
    np.testing.assert_array_equal(decayed[vocabulary.active], rows[vocabulary.active])
    assert (decayed[unused] != rows[unused]).any()
    np.testing.assert_allclose(decayed[unused], rows[unused] * factor, rtol=1.2e-7 * portions)


def test_looking_at_the_full_table_does_not_change_training(tiny_model, train):
    undisturbed, losses = train(tiny_model(), 0.1, compact=True)
    model = tiny_model()
    tables = []
    looked_at, same_losses = train(
        model, 0.1, compact=True, look=lambda step: tables.append(values(model)[TABLE])
    )
    assert losses == same_losses
    assert all(table.shape == undisturbed[TABLE].shape for table in tables)
    np.testing.assert_array_equal(tables[-1], looked_at[TABLE])
    for name, value in undisturbed.items():
        np.testing.assert_array_equal(looked_at[name], value, err_msg=name)


def test_the_compact_table_computes_the_same_with_renumbered_ids(tiny_model, examples):
    model = tiny_model()
    everything = paddle.to_tensor(np.arange(model.config.vocab_size)[None, :38])
    rows = np.arange(32)
    full = model(paddle.to_tensor(examples.token_ids.padded(rows))).logits.numpy()
    any_ids = model(everything).logits.numpy()
    vocabulary = ActiveVocabulary(model.roberta.embeddings, [examples.token_ids.ids])
    size = len(np.unique(np.append(examples.token_ids.ids, range(4))))
    assert values(model)[TABLE].shape == (size, 16)
    assert vocabulary.compact(examples.token_ids.ids).max() == size - 1
    padded = examples.token_ids.padded(rows)
    compact = vocabulary.compact(padded)
    np.testing.assert_array_equal(compact == 1, padded == 1)
    renumbered = paddle.to_tensor(compact)
    np.testing.assert_array_equal(model(renumbered).logits.numpy(), full)
    with pytest.raises(ZeroDivisionError), vocabulary.full_table():
        np.testing.assert_array_equal(model(everything).logits.numpy(), any_ids)
        raise ZeroDivisionError  # scoring may fail: the compact table comes back all the same
    np.testing.assert_array_equal(model(renumbered).logits.numpy(), full)


def test_compact_parameter_keeps_the_full_table_name(examples):
    # Optimizer state is kept by name. Runs of a sweep share a process, and with it the counter
    # that new names come from.
    shape = ShapeConfig(80, 16, 1, 2, 32)
    head = {"labels": WORDS, "task_name": "classification"}
    for _ in range(4):
        model = load_classifier(ModelConfig("tiny", shape=shape), None, 80, 38, **head)
        name = model.roberta.embeddings.word_embeddings.weight.name
        ActiveVocabulary(model.roberta.embeddings, [examples.token_ids.ids])
        names = [parameter.name for parameter in model.parameters()]
        assert len(set(names)) == len(names)
        assert model.roberta.embeddings.word_embeddings.weight.name == name
