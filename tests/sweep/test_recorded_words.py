"""Words that a sweep's folder may bring, and words that somebody has to type."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infoxlm.sweep.recorded_words import HYDRA_GROUPS, is_taken, refused_words

CONF = Path(__file__).parents[2] / "conf"

#: As people have typed them; the last ones are those of experiments/sweeps.
USUAL = [
    "model=tiny", "data=sample", "experiment=demo", "experiment=null", "optimizer=adam,adamw",
    "optimizer=choice(adam,adamw)", "model=glob(*)", "+sweep=grid", "+sweep=optuna",
    "+launcher=joblib", "seed=1,2,3", "seed=range(1,4)", "seed=null", "++trainer.epochs=2",
    "name=night", "name='a night'", "data.root=/data/XNLI 1.0,elsewhere", "data.root=null",
    "data.root=[a,b]", "model.checkpoint=microsoft/infoxlm-base",
    "data.eval_languages=[en,de],[fr]",
    "model.shape={hidden_size:8,num_hidden_layers:2}", "trainer.resume=auto",
    "optimizer.learning_rate=tag(log,interval(1e-6,1e-4))", "trainer.epochs=int(interval(1,3))",
    "optimizer.learning_rate=shuffle(1e-5,2e-5)", "data.limit_train=1000",
    "hydra/sweeper=optuna", "hydra/launcher=submitit_local", "hydra/sweeper/sampler=random",
    "hydra.sweeper.n_trials=12", "hydra.sweeper.sampler.seed=7", "hydra.sweeper.sampler.seed=null",
    "hydra.sweeper.direction=maximize", "hydra.sweeper.max_batch_size=4",
    "hydra.launcher.n_jobs=-1",
    "hydra.launcher.partition=gpu-a100", "hydra.launcher.timeout_min=60",
    "+hydra.sweeper.params.seed='choice(1,2)'", "hydra.launcher.stderr_to_stdout=true",
    "hydra.launcher.ray.remote.num_cpus=2", "scheduler.warmup_ratio=choice(0.0,0.1,0.95,1.5)",
]  # fmt: skip

#: Harmless by what they say here; of each kind some would not be.
OTHERS = [
    "--config-dir=conf", "--config-name", "train", "-cd", "~seed", "~hydra.sweeper.params",
    "name=${seed}", "data.root=${oc.env:HOME}", "name='${seed}'", "optimizer@model=adam",
    "hydra.searchpath=[conf]", "hydra.callbacks.mine.key=1", "hydra.run.dir=there",
    "hydra.job.chdir=true", "hydra.verbose=true", "hydra.job.env_set.NAME=value",
    "hydra/output=none", "hydra/job_logging=terminal", "hydra/launcher=mine", "hydra/sweeper=mine",
    "+hydra/mine=a", "hydra.sweeper.storage=memory", "hydra.sweeper.custom_search_space=name",
    "hydra.sweeper.sampler.constraints_func=name", "hydra.sweeper._target_=name",
    "hydra.launcher._target_=name", "+hydra.launcher.mine=1", "hydra.launcher.setup=[pwd]",
    "hydra.launcher.submitit_folder=there", "hydra.launcher.additional_parameters={a:b}",
    "hydra.launcher.ray.init.address=auto", "hydra.launcher.partition='a b'",
    "hydra.launcher.partition=a/b", "hydra.launcher.partition=[a]", "hydra.launcher={n_jobs:2}",
    "hydra.sweeper={n_trials:2}", "+hydra.sweeper.params.seed='${name}'",
    "+hydra.sweeper.params.model='../tiny'", "+hydra.sweeper.params.mine=1",
    "model=../model/tiny", "model=tiny,../tiny", "model={name:tiny}", "experiment=[demo,mine]",
    "model.shape={_target_:name}", "+model._target_=name", "+mine=1", "+sweep=mine",
    "optimizer.learning_rate", "data.root=a[b", "data.cache_dir=/scratch/cache", "", "=",
    "seed=" + "[" * 2000 + "]" * 2000,
    "name=" + "a" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("word", USUAL)
def test_usual_words_are_taken(word):
    assert is_taken(word, "train")


@pytest.mark.parametrize("word", OTHERS, ids=lambda word: word[:40])
def test_others_have_to_be_typed(word):
    assert not is_taken(word, "train")


def test_what_is_written_where_has_to_be_typed():
    words = ["model.checkpoint=a", "text=Hello, [world]", "output=there.jsonl"]
    assert refused_words(words, "predict") == ["output=there.jsonl"]


def test_keys_are_those_of_the_command():
    assert is_taken("layer=1,2", "retrieve")
    assert not is_taken("layer=1,2", "train")


@given(st.text(st.sampled_from("abz_./\\'\"$ {}@~+-=:,()[]019"), max_size=12))
def test_hydra_s_own_keys_take_numbers_and_plain_names_only(value):
    taken = is_taken(f"hydra.launcher.partition={value}", "train")
    # Several with commas between them are a sweep over plain names.
    plain = all(re.fullmatch(r"""\s*(["']?)[\w.+-]*\1\s*""", part) for part in value.split(","))
    assert plain or not taken


def test_a_list_of_plain_names_is_a_sweep_over_them():
    assert is_taken("hydra.launcher.partition=_z,19", "train")


@pytest.mark.parametrize(
    "path", [*CONF.glob("launcher/*.yaml"), *CONF.glob("sweep/*.yaml")], ids=lambda path: path.stem
)
def test_options_that_our_files_choose_are_taken(path):
    for group, option in re.findall(r"override /(\S+): (\S+)", path.read_text(encoding="utf-8")):
        assert option in HYDRA_GROUPS[group]
