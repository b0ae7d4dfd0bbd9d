"""What a model is trained for, as the trainer and the commands see it; and which tasks there are.

A task is a module with a class `Task`. Tasks of one's own are registered with `register_task`, or
by a package's entry points of the group ``infoxlm.tasks``.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infoxlm.data.examples import Examples
from infoxlm.errors import UserError

if TYPE_CHECKING:
    from paddle import nn

    from infoxlm.data.token_cache import TokenCache
    from infoxlm.evaluate.evaluator import Evaluator
    from infoxlm.evaluate.predictions import Predictions
    from infoxlm.evaluate.published import Published
    from infoxlm.evaluate.scores import Scores
    from infoxlm.reporting.sections import Section
    from infoxlm.schema import ModelConfig, TaskConfig
    from infoxlm.tasks.inference import Inference
    from infoxlm.tasks.stream import TrainingStream

#: What checkpoints and results are of that do not name their task: the only one there was.
FIRST_TASK = "classification"

#: The module of each task; imported when it is wanted, so that nothing heavy is imported early.
_MODULES = {
    FIRST_TASK: "infoxlm.tasks.classification.task",
    "question_answering": "infoxlm.tasks.question_answering.task",
}

#: The task of a checkpoint that others wrote, by the class that its ``config.json`` names; of other
#: classes it is `FIRST_TASK`.
_TASKS_OF_CLASSES = {"XLMRobertaForQuestionAnswering": "question_answering"}


class Task:
    """A task and the data set that it is learned from.

    The methods down to `checksums` must not import paddle: a mistake in the data is found in a
    second, not in five.

    Args:
        options: The group ``task`` of the configuration.
        data: The group ``data``.
    """

    name: str
    #: Most tokens of a sequence where a checkpoint does not tell what it was fine-tuned with.
    max_length = 128

    def __init__(self, options: "TaskConfig", data: Any) -> None:
        self.options = options
        self.data = data

    def open(self, splits: Sequence[str]) -> None:
        """Find the data and check that it has what is asked for.

        Raises:
            UserError: It is missing or at fault.
        """
        raise NotImplementedError

    def check_checkpoint(self, folder: Path, named: str | None, *, trained: bool) -> None:
        """Check that a model folder can be trained for this task, or has been.

        Args:
            folder: The Paddle model folder.
            named: What the user called it, for messages.
            trained: Whether it must have been trained for the task.

        Raises:
            UserError: It cannot, or has not.
        """

    def load(
        self, split: str, cache: "TokenCache", limit: int | None = None
    ) -> list[Examples] | None:
        """Read and encode a split, a language after the other.

        Args:
            split: ``train``, ``dev`` or ``test``.
            cache: Where encoded examples are kept.
            limit: Most rows of a language; None: what the configuration says.

        Returns:
            None where the task has no such split.

        Raises:
            UserError: A file is at fault.
        """
        raise NotImplementedError

    def checksums(self, splits: Sequence[str]) -> dict[str, str]:
        """SHA-256 of each data file that a run reads, by its path."""
        raise NotImplementedError

    def build_model(
        self,
        config: "ModelConfig",
        folder: Path | None,
        vocab_size: int,
        max_length: int,
        *,
        new_head: bool = False,
    ) -> "nn.Layer":
        """The model to train or to score: a checkpoint's, or one of random weights.

        Args:
            config: ``model.*`` of the configuration.
            folder: The Paddle model folder; None for random weights of ``model.shape``.
            vocab_size: What the tokenizer needs.
            max_length: The longest input, in tokens.
            new_head: Draw the head at random, whatever head the checkpoint has.

        Raises:
            UserError: The checkpoint cannot be read or does not fit.
        """
        raise NotImplementedError

    def streams(
        self, model: "nn.Layer", examples: list[Examples], batch_size: int, seed: int
    ) -> "list[TrainingStream]":
        """What a model learns from.

        Args:
            model: What `build_model` built.
            examples: The training split.
            batch_size: Examples of an optimizer step, ``trainer.effective_batch_size``.
            seed: The run's.
        """
        raise NotImplementedError

    def evaluate(
        self, model: "nn.Layer", examples: list[Examples], evaluator: "Evaluator"
    ) -> "tuple[Scores, Predictions]":
        """Score a model on a split, all languages in one pass.

        Args:
            model: What `build_model` built.
            examples: The split.
            evaluator: Runs the model.
        """
        raise NotImplementedError

    @staticmethod
    def write_files(predictions: "Predictions", folder: Path) -> None:
        """Write predictions in the forms that only this task has, next to predictions.jsonl.

        Args:
            predictions: What `evaluate` gave.
            folder: The run's folder.
        """

    @staticmethod
    def report_sections(results: Mapping[str, Any], split: str) -> "list[Section]":
        """Sections of the report that only this task has.

        Args:
            results: What results.json holds.
            split: The split that is reported.
        """
        return []

    @staticmethod
    def published(results: Mapping[str, Any]) -> "Published | None":
        """The published row that a run's scores are laid next to; None where there is none."""
        return None

    @classmethod
    def inference(cls, config: Mapping[str, Any]) -> "Inference":
        """What predicting, serving and exporting know of the task.

        Args:
            config: The model's ``config.json``.

        Raises:
            UserError: Models of the task are only trained and scored.
        """
        raise UserError(
            f"models of the task {cls.name} do not predict, serve or export",
            "Score them with `infoxlm evaluate`.",
        )


def register_task(name: str, module: str) -> None:
    """Add a task.

    Args:
        name: What ``task.name`` calls it.
        module: The path of the module whose class ``Task`` it is.
    """
    _MODULES[name] = module


def task_class(name: str) -> type[Task]:
    """The class of a task.

    Raises:
        UserError: There is none of that name.
    """
    module = _MODULES.get(name)
    if module is None:
        found = {point.name: point.value for point in entry_points(group="infoxlm.tasks")}
        module = found.get(name)
        if module is None:
            raise UserError(
                f"task {name!r} is not installed",
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
    name = described.get("task_name") or _TASKS_OF_CLASSES.get(first, FIRST_TASK)
    return task_class(str(name))


def inference_of(config: Mapping[str, Any]) -> "Inference":
    """The inference of the task that a checkpoint's ``config.json`` is of.

    Raises:
        UserError: It is of a task that is not installed, or that does not predict.
    """
    return task_of(config).inference(config)
