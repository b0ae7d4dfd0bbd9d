"""In what two parts of one run must agree, and in what they need not."""

from dataclasses import replace

import pytest

from infoxlm.runs.resume import FREE, fingerprint, mismatches
from infoxlm.runs.run_record import plain_config
from infoxlm.runs.settings import flat_settings
from infoxlm.schema import ConsistencyConfig, ShapeConfig

DATA = {"/data/train/en.tsv": "a1", "/data/dev/en.tsv": "b2"}
WEIGHTS = {"/weights/model.safetensors": "c3"}


@pytest.fixture
def found(train_config):
    """The differences between a recorded run and what is wanted now."""

    def compare(data=DATA, weights=WEIGHTS, **settings):
        changed = ConsistencyConfig("word_dropout", teacher="first")
        config = replace(train_config(), consistency=changed)
        record = {"data": DATA, "weights": WEIGHTS, "config": plain_config(config)}
        for path, value in settings.items():
            group, _, key = path.partition("__")
            if key:
                value = replace(getattr(config, group), **{key: value})
            config = replace(config, **{group: value})
        return mismatches(fingerprint(flat_settings(config), data, weights), record)

    return compare


def test_a_run_agrees_with_itself(found):
    assert found() == []


@pytest.mark.parametrize(
    ("key", "value", "difference"),
    [
        ("seed", 2, "seed=1 instead of 2"),
        ("name", "another", "name=tiny instead of another"),
        ("optimizer__learning_rate", 1e-5, "optimizer.learning_rate=0.02 instead of 1e-05"),
        ("optimizer__max_grad_norm", None, "optimizer.max_grad_norm=1.0 instead of null"),
        ("scheduler__warmup_ratio", 0.2, "scheduler.warmup_ratio=0.1 instead of 0.2"),
        ("trainer__effective_batch_size", 9, "trainer.effective_batch_size=10 instead of 9"),
        ("trainer__max_steps", None, "trainer.max_steps=6 instead of null"),
        ("trainer__epochs", 1, "trainer.epochs=5 instead of 1"),
        ("trainer__eval_every", 3, "trainer.eval_every=2 instead of 3"),
        ("trainer__eval_limit", 5, "trainer.eval_limit=null instead of 5"),
        ("trainer__patience", 4, "trainer.patience=null instead of 4"),
        ("data__limit_train", 9, "data.limit_train=null instead of 9"),
        ("data__max_length", 64, "data.max_length=128 instead of 64"),
        ("data__train_languages", ["de"], "data.train_languages=[en] instead of [de]"),
        ("model__dropout", 0.3, "model.dropout=0.0 instead of 0.3"),
        ("consistency__weight", 1.0, "consistency.weight=5.0 instead of 1.0"),
        (
            "consistency__name",
            "gaussian_noise",
            "consistency.name=word_dropout instead of gaussian_noise",
        ),
        ("hardware__active_vocabulary", False, "hardware.active_vocabulary=true instead of false"),
    ],
)
def test_what_decides_the_numbers_must_be_the_same(key, value, difference, found):
    assert found(**{key: value}) == [difference]


def test_another_shape_differs_in_each_of_its_keys(found):
    keys = [one.split("=")[0] for one in found(model__shape=ShapeConfig(vocab_size=999))]
    assert {"model.shape", "model.shape.vocab_size", "model.shape.hidden_size"} <= set(keys)


MOVED = {
    "data__root": "elsewhere",
    "data__train_root": "/over/there",
    "data__dev_root": "dev.json",
    "data__cache_dir": "other",
    "model__checkpoint": "moved",
    "consistency__teacher": "moved",
    "consistency__dictionaries": "moved",
    "trainer__resume": "auto",
    "trainer__replay": "batch.json",
    "trainer__keep_checkpoints": 5,
    "trainer__save_every": 3,
    "trainer__log_every": 7,
    "hardware__threads": 2,
    "hardware__device": "gpu",
    "hardware__devices": 2,
    "hardware__profile": True,
    "hardware__micro_batch_size": 3,
    "hardware__micro_batch_tokens": 77,
    "hardware__eval_batch_tokens": 99,
}


@pytest.mark.parametrize("key", MOVED)
def test_where_things_are_and_what_the_machine_is_may_differ(key, found):
    assert found(**{key: MOVED[key]}) == []


def test_what_is_free_exists_and_is_all_that_is_left_out(train_config, compose):
    places = {"data.mono", "data.parallel", "data.eval_pairs"}  # of pre-training
    assert {key.replace("__", ".") for key in MOVED} == set(FREE) - places
    settings = flat_settings(train_config())
    assert set(FREE) - places < settings.keys()
    pretraining = compose("pretrain", "data.mono=[m]", "data.parallel=[p]")
    assert places < flat_settings(pretraining).keys()
    assert fingerprint(settings, {}, {}).settings.keys() == settings.keys() - set(FREE)


def test_files_that_were_moved_are_the_same_files(found):
    moved = {f"/moved{path}": checksum for path, checksum in reversed(DATA.items())}
    assert found(data=moved, weights={"/moved/model.safetensors": "c3"}) == []


@pytest.mark.parametrize("data", [{}, DATA | {"/data/dev/en.tsv": "ff"}, DATA | {"more": "d4"}])
def test_data_of_other_content_differs(data, found):
    assert found(data=data) == ["data files of other content"]


@pytest.mark.parametrize("weights", [{}, {"/weights/model.safetensors": "ff"}])
def test_weights_of_other_content_differ(weights, found):
    assert found(weights=weights) == ["a model.checkpoint of other content"]


def test_every_difference_is_told(found):
    assert found(seed=3, trainer__max_steps=7, data={}, weights={}) == [
        "seed=1 instead of 3",
        "trainer.max_steps=6 instead of 7",
        "data files of other content",
        "a model.checkpoint of other content",
    ]
