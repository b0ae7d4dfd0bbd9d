"""The interface of a task for the trainer and the commands; registry.py finds one by its name."""

from collections.abc import Mapping, Sequence
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
    from infoxlm.schema import ModelConfig
    from infoxlm.tasks.inference import Inference
    from infoxlm.tasks.stream import TrainingStream


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

    def __init__(self, options: Any, data: Any) -> None:
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
            named: The name that the user gave it, for messages.
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
            cache: The cache of encoded examples.
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
            vocab_size: The number of the tokenizer's ids.
            max_length: The longest input, in tokens.
            new_head: Draw the head at random, whatever head the checkpoint has.

        Raises:
            UserError: The checkpoint cannot be read or does not fit.
        """
        raise NotImplementedError

    def streams(
        self, model: "nn.Layer", examples: list[Examples], batch_size: int, seed: int
    ) -> "list[TrainingStream]":
        """The streams of examples that a model learns from.

        Args:
            model: The model, from `build_model`.
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
            model: The model, from `build_model`.
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
            results: The content of results.json.
            split: The split that is reported.
        """
        return []

    @staticmethod
    def draw(results: Mapping[str, Any], folder: Path) -> Mapping[str, str]:
        """Draw pictures that only this task has.

        Args:
            results: The content of results.json.
            folder: The run's folder.

        Returns:
            A description of each picture, by the name of its file.
        """
        return {}

    @staticmethod
    def published(results: Mapping[str, Any]) -> "Published | None":
        """The published row that a run's scores are laid next to; None where there is none."""
        return None

    @classmethod
    def inference(cls, config: Mapping[str, Any]) -> "Inference":
        """The task's part of predicting, serving and exporting.

        Args:
            config: The model's ``config.json``.

        Raises:
            UserError: Models of the task are only trained and scored.
        """
        raise UserError(
            f"models of the task {cls.name} do not predict, serve or export",
            "Score them with `infoxlm evaluate`.",
        )
