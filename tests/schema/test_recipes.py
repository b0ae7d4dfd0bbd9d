import pytest

from infoxlm.errors import UserError
from infoxlm.runs.settings import flat_settings
from infoxlm.schema import OptimizerConfig, SchedulerConfig, TrainConfig
from infoxlm.schema.plain import configuration, plain_config
from infoxlm.schema.recipes import option_keys, recipes
from infoxlm.train.optimization import OPTIMIZERS
from infoxlm.train.schedules import SCHEDULES


@pytest.mark.parametrize(("group", "code"), [("optimizer", OPTIMIZERS), ("scheduler", SCHEDULES)])
def test_what_has_a_file_has_code_that_takes_its_options(group, code):
    assert recipes(group).keys() == code.keys()
    for name, keys in recipes(group).items():
        taken = getattr(code[name], "__init__", code[name])
        taken = code[name] if group == "scheduler" else taken
        assert set(keys) <= set(taken.__kwdefaults__ or {}), name


def test_options_are_of_what_is_chosen():
    assert option_keys("scheduler") == ["cycles", "end_factor", "power"]
    SchedulerConfig("polynomial", options={"power": 2.0})
    told = "scheduler.options.power is no option of scheduler=cosine. It has cycles"
    with pytest.raises(UserError, match=told):
        SchedulerConfig("cosine", options={"power": 2.0})
    with pytest.raises(UserError, match="is no option of scheduler=linear. It has no options"):
        SchedulerConfig("linear", options={"power": 2.0})
    with pytest.raises(UserError, match=r"Did you mean scheduler\.options\.cycles\?"):
        SchedulerConfig("cosine", options={"cycle": 2.0})


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
def test_options_are_0_or_more(value):
    with pytest.raises(UserError, match="optimizer.options.clip_threshold=.* 0 or more and finite"):
        OptimizerConfig("adafactor", 1e-3, options={"clip_threshold": value})


def test_options_are_composed_recorded_and_read_again(compose):
    words = ["model=tiny", "optimizer=adafactor", "scheduler=polynomial"]
    config = compose("train", *words, "scheduler.options.power=2")
    assert config.scheduler.options == {"power": 2.0, "end_factor": 0.0}
    assert configuration(TrainConfig, plain_config(config)) == config
    settings = flat_settings(config)
    assert settings["scheduler.options.power"] == 2.0
    plain = plain_config(config)
    del plain["optimizer"]["options"], plain["scheduler"]["options"]  # as in records of before
    assert configuration(TrainConfig, plain).scheduler.options == {}


def test_an_option_that_no_file_has_is_refused(compose):
    with pytest.raises(UserError, match="optimizer.options.clip: there is no such key"):
        compose("train", "model=tiny", "optimizer=adafactor", "+optimizer.options.clip=1")
