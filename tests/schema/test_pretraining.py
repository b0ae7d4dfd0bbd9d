"""The configuration of pre-training: ranges, and what must be there together."""

import json

import pytest

from infoxlm.errors import UserError
from infoxlm.runs.run_record import training_config
from infoxlm.schema import CorpusConfig, PretrainConfig, PretrainingConfig, TrainConfig
from infoxlm.schema.plain import configuration, plain_config

TEXT = ("data.mono=[m]", "data.parallel=[p]")


def test_the_file_has_the_defaults_of_the_class(compose):
    config = compose("pretrain", *TEXT)
    assert type(config) is PretrainConfig
    assert config.task == PretrainingConfig()
    expected = CorpusConfig(
        "corpus", mono=["m"], parallel=["p"], cache_dir=config.data.cache_dir
    )  # fmt: skip
    assert config.data == expected


def test_the_defaults_are_those_of_the_released_base_model(compose):
    """Microsoft's command for InfoXLM base, in unilm/infoxlm/README.md and its code."""
    config = compose("pretrain", *TEXT)
    task, optimizer = config.task, config.optimizer
    assert (task.block, task.temperature, task.queue_size, task.momentum) == (
        8, 0.25, 131072, 0.9999
    )  # fmt: skip
    assert (task.mlm_weight, task.tlm_weight, task.xlco_weight) == (1, 1, 1)
    assert (task.mask_probability, task.random_share, task.kept_share) == (0.15, 0.1, 0.1)
    assert task.joint_denominator and task.mixup and task.projection and not task.normalize
    assert (optimizer.name, optimizer.learning_rate, optimizer.weight_decay) == (
        "adamw", 2e-4, 0.01
    )  # fmt: skip
    assert (optimizer.beta1, optimizer.beta2, optimizer.epsilon) == (0.9, 0.98, 1e-6)
    assert optimizer.max_grad_norm == 1.0
    assert (config.scheduler.name, config.scheduler.warmup_ratio) == ("polynomial", 0.05)
    assert (config.trainer.effective_batch_size, config.trainer.max_steps) == (2048, 200_000)
    assert (config.model.dropout, config.data.max_length) == (0.0, 512)


def test_the_paper_continues_xlm_r_base_with_those_defaults(compose):
    config = compose("pretrain", "experiment=infoxlm_pretraining", *TEXT)
    default = compose("pretrain", *TEXT)
    assert config.model.checkpoint == "FacebookAI/xlm-roberta-base"
    for group in ("task", "data", "optimizer", "scheduler", "trainer"):
        assert getattr(config, group) == getattr(default, group), group


@pytest.mark.parametrize(
    ("word", "problem"),
    [
        ("task.mlm_weight=-1", "task.mlm_weight=-1.0 is out of range"),
        ("task.tlm_weight=inf", "task.tlm_weight=inf is out of range"),
        ("task.temperature=0", "task.temperature=0.0 is out of range"),
        ("task.mask_probability=0", "task.mask_probability=0.0 is out of range"),
        ("task.mask_probability=1", "task.mask_probability=1.0 is out of range"),
        ("task.kept_share=0.95", "are more than all masked tokens"),
        ("task.momentum=1.1", "task.momentum=1.1 is out of range"),
        ("task.block=0", "task.block=0 is out of range"),
        ("task.queue_size=0", "task.queue_size=0 is out of range"),
        ("task.name=classification", "task.name=classification"),
        ("data.alpha=2", "data.alpha=2.0 is out of range"),
        ("data.held_out=-1", "data.held_out=-1 is out of range"),
        ("data.max_length=1000", "data.max_length=1000 is out of range"),
        ("data.languages=[english]", "'english' is not the code of a language"),
        ("trainer.select_on=dev_en", "trainer.select_on=dev_en in pre-training"),
    ],
)
def test_what_cannot_be_is_told(word, problem, compose):
    with pytest.raises(UserError) as error:
        compose("pretrain", *TEXT, word)
    assert problem in error.value.problem


def test_each_stream_needs_its_text(compose):
    with pytest.raises(UserError, match=r"data\.mono is empty.*task\.mlm_weight=0"):
        compose("pretrain", "data.parallel=[p]")
    with pytest.raises(UserError, match=r"data\.parallel is empty.*tlm_weight=0.*xlco_weight=0"):
        compose("pretrain", "data.mono=[m]")
    assert compose("pretrain", "data.parallel=[p]", "task.mlm_weight=0").task.streams == [
        "tlm", "xlco"
    ]  # fmt: skip
    words = [f"task.{name}_weight=0" for name in ("mlm", "tlm", "xlco")]
    with pytest.raises(UserError, match="all losses have weight 0"):
        compose("pretrain", *TEXT, *words)


def test_a_record_tells_its_command_by_its_task(compose):
    for command, schema, words in (("pretrain", PretrainConfig, TEXT), ("train", TrainConfig, ())):
        config = compose(command, *words)
        plain = json.loads(json.dumps(plain_config(config)))
        assert configuration(schema, plain) == config
        assert training_config({"config": plain}) == config
