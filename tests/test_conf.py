import json
import re
import shlex
from pathlib import Path

import pytest
import yaml
from omegaconf import OmegaConf

from infoxlm.cli.entry import COMMANDS
from infoxlm.data.xnli import LANGUAGES
from infoxlm.schema import Amp
from infoxlm.schema.aliases import meant_word
from infoxlm.schema.free_text import quote_free_text

CONF = Path(__file__).parents[1] / "conf"
FILES = sorted(path.relative_to(CONF).as_posix() for path in CONF.rglob("*.yaml"))
#: Files for people; those below conf/hydra concern Hydra, and no command belongs to them.
FOR_PEOPLE = [name for name in FILES if not name.startswith("hydra/")]
EXPERIMENTS = sorted(path.stem for path in (CONF / "experiment").glob("*.yaml"))
SWEEPS = sorted(path.stem for path in (CONF / "sweep").glob("*.yaml"))
OPTIONS = [
    (path.parent.name, path.stem)
    for group in (
        "task",
        "model",
        "data",
        "optimizer",
        "scheduler",
        "hardware",
        "consistency",
    )
    for path in sorted((CONF / group).glob("*.yaml"))
]
#: Values that a command or option leaves to its user.
REQUIRED = {
    "convert": ["source=a", "target=b"],
    "export": ["model.checkpoint=a", "target=b"],
    "predict": ["model.checkpoint=a", "text=b"],
    "serve": ["model.checkpoint=a"],
    "compare": ["run_a=a", "run_b=b"],
    "report": ["folder=a"],
    "repeat": ["run=a"],
    "pretrain": ["data.mono=[a]", "data.parallel=[a]"],
    "model=checkpoint": ["model.checkpoint=a"],
    "data=pairs": ["data.labels=[no,yes]"],
    "consistency=code_switching": ["consistency.dictionaries=a"],
    "experiment=xtune_consistency": ["consistency.dictionaries=a"],
}
#: The command of an option that is not one of ``infoxlm train``.
COMMAND_OF = {
    "data=tatoeba": "retrieve",
    **dict.fromkeys(
        ("task=pretraining", "data=corpus", "data=sample_corpus", "optimizer=adamw_pretraining",
         "experiment=infoxlm_pretraining", "experiment=pretraining_demo",
         "experiment=pretraining_short"),
        "pretrain",
    ),
}  # fmt: skip
#: Makes any experiment a matter of seconds without a download.
TINY = {
    "train": [
        "model=tiny",
        "data.root=embedded", "data.train_languages=[en]", "data.limit_train=32",
        "data.limit_eval=6",
        "trainer.max_steps=2", "trainer.eval_every=1", "hardware=cpu",
    ],
    "pretrain": [
        "model=tiny", "model.checkpoint=null", "data=sample_corpus", "data.eval_limit=6",
        "task.queue_size=8", "task.block=1", "trainer.effective_batch_size=4",
        "trainer.max_steps=2", "trainer.eval_every=1", "hardware=cpu",
    ],
}  # fmt: skip


def opening_comment(name):
    lines = (CONF / name).read_text(encoding="utf-8").splitlines()
    comment = []
    for line in lines:
        if not line.startswith("#"):
            break
        if not line.startswith("# @package"):
            comment.append(line[1:])
    return comment


def shown_commands(name):
    return [line.strip() for line in opening_comment(name) if line.startswith("   infoxlm ")]


def test_every_part_of_conf_is_tested():
    folders = {name.split("/")[0] for name in FILES if "/" in name}
    assert folders == {group for group, _ in OPTIONS} | {"experiment", "launcher", "sweep", "hydra"}
    assert {name.removesuffix(".yaml") for name in FILES if "/" not in name} == set(COMMANDS)


@pytest.mark.parametrize("name", FILES)
def test_file_opens_with_what_it_is(name):
    assert opening_comment(name)


@pytest.mark.parametrize("name", FOR_PEOPLE)
def test_shown_commands_compose(name, compose, monkeypatch):
    commands = shown_commands(name)
    assert commands
    if name.startswith("launcher/"):
        pytest.importorskip(f"hydra_plugins.hydra_{re.split('[/_.]', name)[1]}_launcher")
    elif name in ("sweep/optuna.yaml", "sweep/search.yaml"):
        pytest.importorskip("hydra_plugins.hydra_optuna_sweeper")
    monkeypatch.setenv("XNLI_ROOT", "xnli")
    for line in commands:
        # Explanations stand two spaces behind the command; the shell fills in variables.
        _, command, *overrides = shlex.split(re.split(r"\s{2,}", line)[0])
        overrides = [re.sub(r"\$[A-Z]+_ROOT", "folder", word) for word in overrides]
        overrides = [meant_word(word, command) for word in overrides]
        if "--multirun" in overrides:
            overrides.remove("--multirun")
            # One job's values are composed elsewhere: these are several.
            overrides = [x for x in overrides if not re.search(r"=.*(,|interval)", x)]
        compose(command, *quote_free_text(overrides, command))


@pytest.mark.parametrize("name", FOR_PEOPLE)
def test_shown_command_is_about_the_file(name):
    group, _, option = name.removesuffix(".yaml").rpartition("/")
    assert any((group or option) in line for line in shown_commands(name))


@pytest.mark.parametrize("command", COMMANDS)
def test_command_composes(command, compose):
    compose(command, *REQUIRED.get(command, []))


def composed_with(choice, compose):
    command = COMMAND_OF.get(choice, "train")
    return compose(command, choice, *REQUIRED.get(command, []), *REQUIRED.get(choice, []))


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_option_composes(group, option, compose):
    section = getattr(composed_with(f"{group}={option}", compose), group)
    if group == "hardware":
        assert section.device == option.partition("_")[0]
        assert section.amp is Amp(option.partition("_")[2] or "none")
    elif f"{group}={option}" not in REQUIRED:
        assert section.name == option.removesuffix("_pretraining")


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_option_names_every_key_of_its_schema(group, option, compose):
    section = getattr(composed_with(f"{group}={option}", compose), group)
    written = keys_with_defaults(group, option)
    # Options are what one optimizer or schedule has to itself; the others have none.
    assert written | {"options"} == set(vars(section)) | {"options"}


def keys_with_defaults(group, option):
    content = yaml.safe_load((CONF / group / f"{option}.yaml").read_text(encoding="utf-8"))
    keys = set(content) - {"defaults"}
    for base in content.get("defaults", []):
        if isinstance(base, str) and base != "_self_" and not base.startswith("/"):
            keys |= keys_with_defaults(group, base)
    return keys


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_experiment_composes(experiment, compose):
    assert composed_with(f"experiment={experiment}", compose).name == experiment


def test_recipes(compose):
    xtune = compose("train", "experiment=xnli_xtune")
    assert (xtune.optimizer.name, xtune.optimizer.learning_rate) == ("adam", 7e-6)
    assert (xtune.data.max_length, xtune.scheduler.warmup_ratio) == (256, 0)
    assert (xtune.trainer.effective_batch_size, xtune.trainer.epochs) == (32, 10)
    consistent = compose("train", "experiment=xtune_consistency", "consistency.dictionaries=a")
    assert (consistent.trainer, consistent.optimizer) == (xtune.trainer, xtune.optimizer)
    regularized = consistent.consistency
    assert (regularized.name, regularized.ratio) == ("code_switching", 0.3)
    assert (regularized.weight, regularized.teacher_weight) == (5, 5)
    assert not regularized.loss_on_copies
    assert xtune.consistency.name == "none"
    together = compose("train", "experiment=translate_train_all")
    assert tuple(together.data.train_languages) == LANGUAGES
    paper = compose("train", "experiment=xnli_paper")
    assert paper.data.train_languages == ["en"]
    assert tuple(paper.data.eval_languages) == LANGUAGES
    assert paper.trainer.effective_batch_size == 256


def test_command_line_wins_over_an_experiment(compose):
    config = compose("train", "experiment=demo", "trainer.epochs=1", "model=tiny")
    assert (config.trainer.epochs, config.model.name) == (1, "tiny")


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_experiment_steps(experiment, compose, tmp_path):
    from infoxlm.commands import train

    choice = f"experiment={experiment}"
    command = COMMAND_OF.get(choice, "train")
    words = [choice, *TINY[command]]
    if choice in REQUIRED:
        (tmp_path / "en-de.txt").write_text("the\tdie\n", encoding="utf-8")
        words.append(f"consistency.dictionaries={tmp_path}")
    config, tmp_path = compose(command, *words), tmp_path / "run"
    train.run(config, tmp_path)
    results = json.loads((tmp_path / "results.json").read_text())
    assert (results["experiment"], results["steps"]) == (experiment, 2)
    if command == "pretrain":
        assert set(results["dev"]["examples"].values()) == {6}
        return
    assert set(results["test"]["examples"].values()) == {6}
    metric = "f1" if config.data.name == "question_sample" else "accuracy"
    assert list(results["test"][metric]) == config.data.eval_languages


@pytest.mark.parametrize("sweep", [sweep for sweep in SWEEPS if sweep != "optuna"])
def test_sweep_runs_over_values_that_compose(sweep, compose):
    from hydra import compose as raw_compose
    from hydra import initialize_config_module

    if sweep == "search":
        pytest.importorskip("optuna")
    with initialize_config_module("infoxlm.conf", version_base="1.3"):
        full = raw_compose("train", [f"+sweep={sweep}"], return_hydra_config=True)
    params = OmegaConf.to_container(full.hydra.sweeper.params)
    assert params
    for key, values in params.items():
        # `1,2,3` in a grid, `choice(1,2)` and `tag(log, interval(1, 2))` in a search.
        found = re.findall(r"\d[\d.e-]*", values) or values.split(",")
        assert len(set(found)) > 1
        for value in found:
            config = compose("train", f"+sweep={sweep}", f"{key}={value}")
            assert config.name == sweep


def test_cache_follows_the_environment(compose, monkeypatch):
    monkeypatch.setenv("INFOXLM_CACHE", "/somewhere")
    assert compose("train").data.cache_dir == "/somewhere"
    monkeypatch.delenv("INFOXLM_CACHE")
    monkeypatch.setenv("HOME", "/home/me")
    assert compose("train").data.cache_dir == "/home/me/.cache/infoxlm"
    assert compose("convert", *REQUIRED["convert"]).cache_dir == "/home/me/.cache/infoxlm"
