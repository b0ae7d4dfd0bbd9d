"""Filter for the words of a sweep's record, whose folder may come from a stranger.

A command line can do more than say what a run computes: Hydra makes objects of any class that it
names, reads further files and connects to other machines. So what is taken from a folder is listed
here. All else has to be typed again.
"""

import re
import shlex
from collections.abc import Iterator, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import (
    ChoiceSweep,
    Glob,
    IntervalSweep,
    Override,
    QuotedString,
    RangeSweep,
)
from hydra.errors import HydraException

from infoxlm.schema import SCHEMAS
from infoxlm.schema.config_errors import known_keys
from infoxlm.schema.free_text import quote_free_text
from infoxlm.schema.group_options import options_of

#: Words that say that it is a sweep, which it is anyway.
FLAGS = ("-m", "--multirun")

#: Our own keys that say what is written where, the cache among them.
_WRITING = frozenset({"output", "target", "overwrite", "cache_dir", "data.cache_dir"})

#: Groups of Hydra's, with the options that the files in conf/ choose, or that stand next to them.
HYDRA_GROUPS = {
    "hydra/launcher": ("basic", "joblib", "ray", "submitit_local", "submitit_slurm"),
    "hydra/sweeper": ("basic", "optuna"),
    "hydra/sweeper/sampler": ("cmaes", "grid", "motpe", "nsgaii", "random", "tpe"),
}

#: Keys of Hydra's that are numbers or names, by their sections.
_HYDRA_KEYS = {
    "hydra.sweeper": "direction max_batch_size max_failure_rate n_jobs n_trials study_name",
    "hydra.sweeper.sampler": "consider_endpoints consider_magic_clip consider_prior "
    "consider_pruned_trials crossover_prob inc_popsize multivariate mutation_prob "
    "n_ehvi_candidates n_ei_candidates n_startup_trials population_size prior_weight "
    "restart_strategy seed sigma0 swapping_prob use_separable_cma warn_independent_sampling",
    "hydra.launcher": "account array_parallelism backend batch_size constraint cpus_per_gpu "
    "cpus_per_task gpus_per_node gpus_per_task max_nbytes max_num_timeout mem_gb mem_per_cpu "
    "mem_per_gpu n_jobs name nodes partition pre_dispatch prefer qos require signal_delay_s "
    "stderr_to_stdout tasks_per_node timeout timeout_min verbose",
    "hydra.launcher.ray.init": "num_cpus num_gpus object_store_memory",
    "hydra.launcher.ray.remote": "max_retries memory num_cpus num_gpus",
}
HYDRA_KEYS = frozenset(
    f"{section}.{name}" for section, names in _HYDRA_KEYS.items() for name in names.split()
)

#: The prefix of keys that hold a search's values, which may also stand among the words.
_PARAMS = "hydra.sweeper.params."

#: A value of Hydra's keys: a name without anything that a shell or a scheduler could read as more.
_PLAIN = re.compile(r"\w[\w.+-]{0,99}", re.ASCII)

#: A longer word is nothing that somebody typed.
_LONGEST = 4096


def refused_words(words: Sequence[str], command: str) -> list[str]:
    """Those of a record's words that are not taken from a folder.

    Args:
        words: The words, without those that say that it is a sweep and where.
        command: The sweep's command.
    """
    return [word for word in words if not is_taken(word, command)]


def is_taken(word: str, command: str) -> bool:
    """Tell whether a word is taken from a sweep's folder."""
    if len(word) > _LONGEST or "${" in word:
        return False
    try:
        override = OverridesParser.create().parse_override(quote_free_text([word], command)[0])
        values = list(values_of(override))
    except (HydraException, ValueError, RecursionError):  # flags, and what Hydra cannot read
        return False
    if override.is_delete() or override.package is not None:
        return False
    key = override.key_or_group
    if key.startswith(_PARAMS):
        return all(is_taken(f"{key.removeprefix(_PARAMS)}={x}", command) for x in values)
    if options := HYDRA_GROUPS.get(key) or (options_of(key) if key.isidentifier() else []):
        return all(value is None or value in options for value in items(values))
    if key in HYDRA_KEYS:
        return all(is_number_or_name(value) for value in values)
    own = set(known_keys(SCHEMAS[command])) - _WRITING
    return key in own and all(is_own_value(key, value, own) for value in values)


def values_of(override: Override) -> Iterator[Any]:
    """The values that a word lists or has; none of a range, an interval, or a pattern of names."""
    value = override.value()
    if isinstance(value, ChoiceSweep):
        yield from map(unquoted, value.list)
    elif not isinstance(value, RangeSweep | IntervalSweep | Glob):
        yield unquoted(value)


def unquoted(value: Any) -> Any:
    """A value with texts instead of Hydra's quoted strings."""
    if isinstance(value, QuotedString):
        return value.text
    if isinstance(value, list):
        return [unquoted(item) for item in value]
    if isinstance(value, dict):
        return {unquoted(key): unquoted(item) for key, item in value.items()}
    return value


def items(values: Sequence[Any]) -> Iterator[Any]:
    """The values, and those of the lists among them."""
    for value in values:
        yield from value if isinstance(value, list) else [value]


def is_number_or_name(value: Any) -> bool:
    """Tell whether a value is a number, true, false, null or a plain name."""
    if isinstance(value, str):
        return _PLAIN.fullmatch(value) is not None
    return value is None or isinstance(value, int | float)


def is_own_value(key: str, value: Any, own: set[str]) -> bool:
    """Tell whether a value can be one of our own keys: without keys that are not ours."""
    if isinstance(value, dict):
        return all(
            f"{key}.{name}" in own and is_own_value(f"{key}.{name}", item, own)
            for name, item in value.items()
        )
    if isinstance(value, list):
        return all(is_own_value(key, item, own) for item in value)
    return not (isinstance(value, str) and "${" in value)


def printable(word: str) -> str:
    """A word as it can be typed, what a terminal would act upon written out."""
    return shlex.quote("".join(x if x.isprintable() else repr(x)[1:-1] for x in word))
