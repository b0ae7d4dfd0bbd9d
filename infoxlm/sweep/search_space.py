"""Configuration of Optuna's searches: defaults that fit our commands, and checks."""

import logging
import math
from dataclasses import is_dataclass
from typing import Any, get_args, get_type_hints

from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict

from infoxlm.errors import UserError
from infoxlm.schema import SCHEMAS
from infoxlm.schema.checks import check, check_name
from infoxlm.schema.task import variants_of
from infoxlm.sweep.resuming import key_of

logger = logging.getLogger(__name__)

_GROUP, _SEED = "hydra/sweeper", 42


def set_search_defaults() -> None:
    """Have Optuna maximize, and give its samplers a seed; to be called when plug-ins are loaded.

    Hydra's own `hydra/sweeper=optuna` minimizes, and would look for the lowest score. Without a
    seed a search that was cut short could not be resumed.
    """
    store = ConfigStore.instance()
    if "optuna.yaml" not in store.list(_GROUP):
        return  # the plug-in is not installed
    change_stored(store, _GROUP, "optuna", "direction", "maximize")
    for sampler in store.list(f"{_GROUP}/sampler"):
        change_stored(store, f"{_GROUP}/sampler", sampler.removesuffix(".yaml"), "seed", _SEED)


def change_stored(store: ConfigStore, group: str, name: str, key: str, value: Any) -> None:
    """Give a key of a stored option another default, if it has the key."""
    option = store.load(f"{group}/{name}.yaml")
    if key not in option.node:
        return
    with open_dict(option.node):
        option.node[key] = value
    store.store(name, option.node, group, option.package, option.provider)


def is_search(hydra: DictConfig) -> bool:
    """Tell, by Hydra's configuration, whether jobs follow from the results of earlier ones."""
    return not str(hydra.sweeper["_target_"]).endswith(".BasicSweeper")


def check_search(hydra: DictConfig, command: str, resumed: bool) -> None:
    """Check a search's configuration before its first trial.

    Args:
        hydra: Hydra's part of the sweep's configuration.
        command: The command of the trials.
        resumed: Whether the trials of the sweep's folder are given to the sampler again.

    Raises:
        UserError: Trials would fail all, or answer another question than the one that was asked.
    """
    direction = OmegaConf.select(hydra, "sweeper.direction")
    direction = getattr(direction, "name", direction)  # Hydra's own enum, or a word
    if OmegaConf.is_list(direction):
        raise UserError(
            f"hydra.sweeper.direction={direction}: a run returns a single figure",
            "Take hydra.sweeper.direction=maximize.",
        )
    if direction is not None:
        check_name("hydra.sweeper.direction", str(direction), ("maximize", "minimize"))
    if direction == "minimize":
        logger.warning(
            "hydra.sweeper.direction=minimize: this looks for the lowest score; the report names "
            "the best, which is the highest of most metrics"
        )
    trials = hydra.sweeper.get("n_trials")
    check(trials is None or trials >= 1, "hydra.sweeper.n_trials", trials, "1 or more")
    if resumed and hydra.sweeper.get("storage") and hydra.sweeper.get("study_name"):
        raise UserError(
            f"hydra.sweeper.storage: its study {hydra.sweeper.study_name} has these trials already",
            "Take hydra.sweeper.storage=null: what the folder holds is enough to resume.",
        )
    asked = {key: f"{key}={value}" for key, value in (hydra.sweeper.get("params") or {}).items()}
    asked |= {key_of(word): word for word in hydra.overrides.task}
    for word in asked.values():
        check_interval(word, command)


def check_interval(word: str, command: str) -> None:
    """Check that no interval, which draws fractions, stands for a key of whole numbers.

    Raises:
        UserError: It does; the remedy is the form that draws whole numbers.
    """
    try:
        override = OverridesParser.create().parse_override(word)
    except HydraException:  # Hydra meets it again and tells it
        return
    key, value = override.key_or_group, override.value()
    if not isinstance(value, IntervalSweep) or not is_whole(key, command):
        return
    if isinstance(value.start, float) or isinstance(value.end, float):
        low, high = math.ceil(value.start or 0), math.floor(value.end or 0)
        fitting = f"range({low},{high})"
        if "log" in value.tags:
            fitting = f"tag(log,int(interval({low},{high})))"
        raise UserError(
            f"{word}: an interval draws fractions, and {key} is a whole number",
            f"Take {key}={fitting}, which draws from {low} to {high}, both included.",
        )


def is_whole(key: str, command: str) -> bool:
    """Tell whether a key of a command's schema takes whole numbers only."""
    kind: Any = SCHEMAS[command]
    for name in key.split("."):
        sections = [option for option in (kind, *get_args(kind)) if is_dataclass(option)]
        variants = [variant for section in sections for variant in variants_of(section)]
        kind = next((x[name] for x in map(get_type_hints, variants) if name in x), None)
    return int in (kind, *get_args(kind)) and float not in get_args(kind)
