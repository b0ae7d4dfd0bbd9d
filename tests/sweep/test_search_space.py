import pytest
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from infoxlm.errors import UserError
from infoxlm.sweep.search_space import check_search, is_search, is_whole, set_search_defaults


def hydra_part(*words, **sweeper):
    return OmegaConf.create({"sweeper": sweeper, "overrides": {"task": list(words)}})


@pytest.mark.parametrize(
    ("word", "remedy"),
    [
        ("trainer.epochs=interval(1,3)", "trainer.epochs=range(1,3), which draws from 1 to 3"),
        ("trainer.max_steps=interval(1.5,3.5)", "trainer.max_steps=range(2,3)"),
        ("seed=tag(log,interval(1,100))", "seed=tag(log,int(interval(1,100)))"),
    ],
)
def test_interval_of_whole_numbers(word, remedy):
    key, _, value = word.partition("=")
    for part in (hydra_part(word), hydra_part(params={key: value})):
        with pytest.raises(UserError) as caught:
            check_search(part, "train", False)
        assert f"{word}: an interval draws fractions" in caught.value.problem
        assert f"Take {remedy}" in caught.value.remedy


@pytest.mark.parametrize(
    "word",
    ["trainer.epochs=range(1,3)", "trainer.epochs=int(interval(1,3))", "seed=1",
     "trainer.epochs=tag(log,int(interval(1,3)))", "optimizer.learning_rate=interval(0,1)",
     "optimizer.max_grad_norm=interval(1,2)", "mine=interval(1,2)", "seed.mine=interval(1,2)",
     "seed=a[b"],
)  # fmt: skip
def test_other_values_are_not_refused(word):
    check_search(hydra_part(word), "train", False)


def test_what_is_typed_replaces_the_interval_of_a_file():
    part = hydra_part("trainer.epochs=2", params={"trainer.epochs": "interval(1,3)"})
    check_search(part, "train", False)


@pytest.mark.parametrize(
    ("key", "whole"),
    [("seed", True), ("trainer.patience", True), ("optimizer.learning_rate", False),
     ("optimizer.max_grad_norm", False), ("model.shape.hidden_size", True), ("model", False),
     ("data.root", False), ("none.such", False)],
)  # fmt: skip
def test_whole_keys(key, whole):
    assert is_whole(key, "train") is whole


@pytest.mark.parametrize("direction", [["maximize"], ["maximize", "minimize"], "minimise"])
def test_directions_that_cannot_be(direction):
    with pytest.raises(UserError, match="hydra.sweeper.direction="):
        check_search(hydra_part(direction=direction), "train", False)


def test_no_trials_are_refused():
    check_search(hydra_part(n_trials=1), "train", False)
    with pytest.raises(UserError, match="hydra.sweeper.n_trials=0 is out of range"):
        check_search(hydra_part(n_trials=0), "train", False)


def test_lowest_accuracy_is_looked_for_if_that_is_typed(caplog):
    check_search(hydra_part(direction="maximize"), "train", False)
    assert not caplog.records
    check_search(hydra_part(direction="minimize"), "train", False)
    assert "looks for the lowest score" in caplog.text


def test_stored_study_is_not_told_its_trials_again():
    part = hydra_part(storage="sqlite:///study.db", study_name="night")
    check_search(part, "train", False)
    with pytest.raises(UserError, match="has these trials already.*hydra.sweeper.storage=null"):
        check_search(part, "train", True)
    check_search(hydra_part(storage=None, study_name="night"), "train", True)


def test_searches_and_plain_sweeps():
    assert is_search(hydra_part(_target_="some.OptunaSweeper"))
    assert not is_search(hydra_part(_target_="hydra.basic_sweeper.BasicSweeper"))


def test_defaults_of_a_search():
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper")
    from hydra.core.plugins import Plugins

    Plugins.instance()
    set_search_defaults()
    set_search_defaults()  # as before the next command line of a process
    store = ConfigStore.instance()
    assert store.load("hydra/sweeper/optuna.yaml").node.direction == "maximize"
    assert store.load("hydra/sweeper/sampler/tpe.yaml").node.seed == 42
    assert "seed" not in store.load("hydra/sweeper/sampler/grid.yaml").node
