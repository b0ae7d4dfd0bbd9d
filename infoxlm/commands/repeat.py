"""`infoxlm repeat`: run again from a run's folder, and say what differs."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from infoxlm.constants import TRAINING
from infoxlm.convert.find_checkpoint import find_checkpoint
from infoxlm.errors import UserError
from infoxlm.hardware.environment import prepare_environment, threads_of
from infoxlm.reporting.console import show_report
from infoxlm.runs.differences import different_facts, different_files
from infoxlm.runs.finished_run import FinishedRun
from infoxlm.runs.machine import describe_process
from infoxlm.runs.outcome import Outcome, compare_outcomes
from infoxlm.runs.reproduction import Reproduction, terminal_reproduction, write_reproduction
from infoxlm.runs.run_record import config_of, recorded, weights_checksums
from infoxlm.runs.settings import typed
from infoxlm.schema import SCHEMAS, ConsistencyConfig, CorpusConfig, ModelConfig, RepeatConfig
from infoxlm.stopping import Interrupted
from infoxlm.tasks.consistency.inputs import consistency_checksums
from infoxlm.tasks.registry import task_class
from infoxlm.tasks.task import Task
from infoxlm.train.inputs import SPLITS

logger = logging.getLogger(__name__)

#: The keys of ``data`` that say where it is, by what they are called here.
_DATA_PLACES = {
    "data_root": "root",
    **{key: key for key in ("train_root", "train_files", "dev_root")},
    **{key: key for key in ("mono", "parallel", "eval_pairs")},
}


def run(config: RepeatConfig, folder: str | Path) -> None:
    """Check that code and inputs are the run's, run again, compare, report.

    Args:
        config: The run to repeat, and where its inputs are now.
        folder: The folder of the repetition, which becomes a run's folder itself.

    Raises:
        UserError: The run cannot be read, or its inputs are not there any more.
        Interrupted: The user wanted an end.
    """
    folder, original = Path(folder), FinishedRun.read(config.run)
    outcome = Outcome.of(original)
    directory, environment = recorded(original.record, "directory", "environment")
    again = config_of(original.record, SCHEMAS[original.command])
    data, model = placed(again.data, again.model, Path(directory), config)
    again = replace(again, data=data, model=model)
    changed = ConsistencyConfig()
    if original.command == "train":
        changed = placed_consistency(again.consistency, Path(directory), config)
        again = replace(again, consistency=changed)
    splits = SPLITS if original.command in TRAINING else (again.split,)
    if original.command in TRAINING:
        again = replace(again, trainer=replace(again.trainer, resume=None, replay=None))
    log_places(data, model, changed, folder)
    prepare_environment(again.hardware.threads or threads_of(environment))
    task = task_class(again.task.name)(again.task, data)
    check_inputs(task, splits, model, changed, original.record)
    for fact in different_facts(original.record, describe_process()):
        logger.warning("not as in the run: %s (%s then, %s now)", *fact)
    try:
        import_module(f"infoxlm.commands.{original.command}").run(again, folder)
    except Interrupted as stopped:
        message = "the repetition was stopped; start it again with the same command"
        raise Interrupted(message, stopped.code - 128) from None
    repeated = FinishedRun.read(folder)
    checks = compare_outcomes(outcome, Outcome.of(repeated))
    reproduction = Reproduction(original, repeated, checks)
    write_reproduction(reproduction, folder)
    show_report(terminal_reproduction(reproduction), folder, {"repetition": "repeat.md"})


def placed(data: Any, model: ModelConfig, start: Path, config: RepeatConfig) -> tuple[Any, Any]:
    """The run's sections on data and model, with the inputs where they are now.

    All that decides the result is the run's. What is read is found where the run found it, unless
    the user says where it is now: it has to have the run's checksums. What is written, the cache
    as the run's folder, lies where the user wants it.

    Args:
        data: The section on data in the run's folder.
        model: That on the model.
        start: The working directory of the run, for its relative paths.
        config: The command's configuration.
    """
    moved: dict[str, Any] = {}
    for own, key in _DATA_PLACES.items():
        now, then = getattr(config, own), getattr(data, key, None)
        if isinstance(then, list):
            moved[key] = now or [where(None, path, start) for path in then]
        elif hasattr(data, key):
            moved[key] = where(now, then, start)
    data = replace(data, **moved, cache_dir=config.cache_dir)
    return data, replace(model, checkpoint=where(config.checkpoint, model.checkpoint, start))


def placed_consistency(
    consistency: ConsistencyConfig, start: Path, config: RepeatConfig
) -> ConsistencyConfig:
    """The run's section on changed copies, with what it reads where that is now, as `placed`."""
    return replace(
        consistency,
        teacher=where(config.teacher, consistency.teacher, start),
        dictionaries=where(config.dictionaries, consistency.dictionaries, start),
    )


def where(now: str | None, then: str | None, start: Path) -> str | None:
    """The place of an input: what the user says, or else where the run found it.

    Args:
        now: What the user says; None: nothing.
        then: The run's configuration.
        start: The working directory of the run.
    """
    if now is None and then is not None and (start / then).exists():
        return then if start == Path.cwd() else str(start / then)
    return now or then


def log_places(data: Any, model: ModelConfig, consistency: ConsistencyConfig, folder: Path) -> None:
    """Show what a repetition is going to read and write, before it does."""
    keys = [key for key in _DATA_PLACES.values() if hasattr(data, key)]
    places = {f"data.{key}": getattr(data, key) for key in keys}
    places["model.checkpoint"] = model.checkpoint
    places["consistency.teacher"] = consistency.teacher
    places["consistency.dictionaries"] = consistency.dictionaries
    shown = [f"{key}={typed(place)}" for key, place in places.items() if place is not None]
    logger.info("reading %s", " ".join(shown) or "no file that it names")
    logger.info("writing %s and the cache %s", folder, data.cache_dir)


def check_inputs(
    task: Task,
    splits: Sequence[str],
    model: ModelConfig,
    consistency: ConsistencyConfig,
    record: Mapping[str, Any],
) -> None:
    """Check that data and weights are those that the run read.

    Raises:
        UserError: They are not there, or have other contents.
    """
    keys = "data_root=FOLDER and train_root=FOLDER_OR_FILE"
    if isinstance(task.data, CorpusConfig):
        keys = "mono=[FOLDER], parallel=[FOLDER] and eval_pairs=FOLDER"
    remedy = f"Say where the run's data is now, with {keys}."
    if consistency.dictionaries is not None:
        remedy = f"{remedy[:-1]}, that of its dictionaries with dictionaries=FOLDER."
    try:
        task.open(splits)
        present = task.checksums(splits) | consistency_checksums(consistency, task, task.data)
    except UserError as error:
        raise UserError(f"the run's data cannot be read: {error.problem}", remedy) from error
    then, weights = recorded(record, "data", "weights")
    check_same_files("data", then, present, parts=2, remedy=remedy)

    remedy = "Say where the run's weights are now, with checkpoint=FOLDER."
    if consistency.teacher is not None:
        remedy = f"{remedy[:-1]}, and its first stage's with teacher=FOLDER."
    present = {}
    for named in (model.checkpoint, consistency.teacher):
        if named is not None:
            cache_dir = Path(task.data.cache_dir).expanduser()
            try:
                present |= weights_checksums(find_checkpoint(named, cache_dir))
            except UserError as error:
                problem = f"the run's weights cannot be read: {error.problem}"
                raise UserError(problem, remedy) from error
    check_same_files("weights", weights, present, parts=1, remedy=remedy)


def check_same_files(
    kind: str, then: Mapping[str, str], now: Mapping[str, str], *, parts: int, remedy: str
) -> None:
    """Check that files have the contents that the run read.

    Raises:
        UserError: One has others.
    """
    others = different_files(then, now, parts=parts)
    if others:
        name, *sums = others[0]
        first, second = (digest[:12] if digest else "not there" for digest in sums)
        more = f" and {len(others) - 1} more files" if len(others) > 1 else ""
        raise UserError(
            f"the {kind} are not what the run read: {name} (sha256 {first} then, {second} now)"
            f"{more}",
            remedy,
        )
