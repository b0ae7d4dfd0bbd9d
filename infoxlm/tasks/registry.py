"""The registry of tasks: a task by its name, or by what results or a checkpoint say of it.

A task is a module with a class `Task`. Tasks of one's own are registered with `register_task`, or
by a package's entry points of the group ``infoxlm.tasks``.
"""

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from infoxlm.errors import UserError
from infoxlm.tasks.task import Task

if TYPE_CHECKING:
    from infoxlm.tasks.inference import Inference

#: The task of checkpoints and results that do not name theirs: the only one there was.
FIRST_TASK = "classification"

#: The module of each task; imported when it is wanted, so that nothing heavy is imported early.
_MODULES = {
    FIRST_TASK: "infoxlm.tasks.classification.task",
    "question_answering": "infoxlm.tasks.question_answering.task",
    "pretraining": "infoxlm.tasks.pretraining.task",
}

#: The tasks of checkpoints of transformers, which name a class and no task, by how it ends.
_CLASSES = {"ForQuestionAnswering": "question_answering"}


def register_task(name: str, module: str) -> None:
    """Add a task.

    Args:
        name: Its name, for ``task.name``.
        module: The path of the module whose class ``Task`` it is.
    """
    _MODULES[name] = module


def task_class(name: str, key: str = "task.name") -> type[Task]:
    """The class of a task.

    Args:
        name: Its name.
        key: Where the name stands, for messages.

    Raises:
        UserError: There is none of that name.
    """
    module = _MODULES.get(name)
    if module is None:
        found = {point.name: point.value for point in entry_points(group="infoxlm.tasks")}
        module = found.get(name)
        if module is None:
            raise UserError(
                f"{key}={name}: that task is not installed",
                f"Take one of {', '.join(sorted({*_MODULES, *found}))}.",
            )
    return import_module(module).Task  # type: ignore[no-any-return]


def reported_task(results: Mapping[str, Any]) -> type[Task]:
    """The class of the task of some results; `Task`, which adds nothing, where it is missing."""
    try:
        return task_of(results)
    except UserError:
        return Task


def task_of(described: Mapping[str, Any]) -> type[Task]:
    """The class of the task that results or a checkpoint's ``config.json`` are of.

    Raises:
        UserError: It is of a task that is not installed.
    """
    classes = described.get("architectures")
    first = str(classes[0]) if isinstance(classes, list) and classes else ""
    known = next((task for end, task in _CLASSES.items() if first.endswith(end)), FIRST_TASK)
    return task_class(str(described.get("task_name") or known), "task_name")


def inference_of(config: Mapping[str, Any]) -> "Inference":
    """The inference of the task that a checkpoint's ``config.json`` is of.

    Raises:
        UserError: It is of a task that is not installed, or that does not predict.
    """
    return task_of(config).inference(config)
