"""A trainer of a tiny model, as a run opens it: a run that begins, or one that is resumed."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from infoxlm.data.examples import Examples
from infoxlm.runs.run_folder import RUN_RECORD
from infoxlm.runs.settings import flat_settings
from infoxlm.schema import DataConfig, HardwareConfig, TaskConfig, TrainConfig
from infoxlm.stopping import StopRequests
from infoxlm.tasks.classification.task import Task
from infoxlm.tokenization.token_ids import TokenIds
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer
from infoxlm.tracking.timings import Timings

#: Training pairs: three batches an epoch, of 10, 10 and 4.
PAIRS = 24


@pytest.fixture(scope="session")
def labelled() -> Callable[..., Examples]:
    """Makes the examples of a language; a row's number is its place unless rows are given."""

    def make(
        token_ids: TokenIds,
        labels: np.ndarray,
        rows: np.ndarray | None = None,
        language: str = "en",
    ) -> Examples:
        rows = np.arange(len(labels)) if rows is None else rows
        return Examples(token_ids, {"labels": labels}, rows, language, f"pairs/{language}.tsv")

    return make


@pytest.fixture(scope="session")
def accumulate() -> Callable[..., np.ndarray]:
    """Adds the gradient of a batch of classified examples, and returns the loss of each."""

    def add(model: Any, examples: Examples, rows: np.ndarray, **options: Any) -> np.ndarray:
        from infoxlm.tasks.classification.objective import ClassificationObjective
        from infoxlm.train.gradient import accumulate_gradient

        batch = examples.batch(rows, (0, 0, 0))
        options = {"divisor": batch.weights.sum(), "max_tokens": 100} | options
        return accumulate_gradient(
            ClassificationObjective(model), batch, np.arange(len(rows)), **options
        )

    return add


@pytest.fixture(scope="session")
def inputs(
    tiny_model: Callable[..., Any],
    random_token_ids: Callable[..., Any],
    labelled: Callable[..., Examples],
    sentencepiece_file: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Any:
    """24 English training pairs, these and 12 German ones to score, and weights to begin with."""
    from infoxlm.train.inputs import Inputs

    folder = tmp_path_factory.mktemp("start")
    tokenizer = InfoXLMTokenizer(sentencepiece_file)
    tiny_model(initializer_range=0.1).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    # Every second row of the file, so that a row's number is not its place.
    train = labelled(random_token_ids(PAIRS), np.arange(PAIRS) % 3, 2 * np.arange(PAIRS))
    # English is scored on what is trained, so that the scores move.
    dev = [train, labelled(random_token_ids(12, seed=2), np.arange(12) % 3, language="de")]
    task = Task(TaskConfig(), DataConfig("sample", eval_languages=["en", "de"], cache_dir="unused"))
    return Inputs(task, folder, tokenizer, 38, [train], dev, dev, {})


@pytest.fixture(scope="session")
def open_context() -> Callable[..., Any]:
    """Opens the run of a folder; unlike `open_run` it takes any folder, and one rank is alone."""

    @contextmanager
    def opened(config: TrainConfig, folder: Path, *, resumed: bool = False) -> Iterator[Any]:
        from infoxlm.distributed.ranks import Ranks
        from infoxlm.runs.context import RunContext

        def record() -> None:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / RUN_RECORD).write_text("{}")

        with StopRequests() as stop:
            settings = flat_settings(config)
            run = RunContext(settings, folder, resumed, Ranks(), Timings(), stop, record)
            try:
                yield run
            finally:
                run.close()

    return opened


@pytest.fixture(scope="session")
def open_trainer(inputs: Any, open_context: Callable[..., Any]) -> Callable[..., Any]:
    """Opens the trainer of a folder's run, which begins or resumes from its newest checkpoint."""

    @contextmanager
    def opened(config: TrainConfig, folder: Path, *, resumed: bool = False) -> Iterator[Any]:
        from infoxlm.train.building import build_trainer, load_model
        from infoxlm.train.checkpoints import Checkpoints
        from infoxlm.train.resume_point import find_resume_point

        checkpoints = Checkpoints(folder / "checkpoints", config.trainer.keep_checkpoints)
        select_on = config.trainer.select_on
        point = find_resume_point(checkpoints, select_on) if resumed else None
        with open_context(config, folder, resumed=resumed) as run:
            model = load_model(config.model, inputs, "cpu", config.seed, point)
            run.begin(point and point.folder)
            yield build_trainer(config, inputs, run, model, checkpoints, point)

    return opened


@pytest.fixture(scope="session")
def train_in(inputs: Any, open_context: Callable[..., Any]) -> Callable[..., Any]:
    """Trains in a folder from the inputs to the scores."""

    def trained(config: TrainConfig, folder: Path, *, resumed: bool = False) -> Any:
        from infoxlm.train.training import train

        with open_context(config, folder, resumed=resumed) as run:
            return train(config, inputs, run)

    return trained


@pytest.fixture(scope="session")
def scores_of(inputs: Any) -> Callable[..., Any]:
    """The scores of a model on examples."""

    def score(model: Any, examples: list[Examples]) -> Any:
        from infoxlm.evaluate.evaluator import Evaluator

        evaluator = Evaluator(HardwareConfig("cpu", eval_batch_tokens=50))
        return inputs.task.evaluate(model, examples, evaluator)[0]

    return score


@pytest.fixture(scope="session")
def weights_of() -> Callable[[Any], dict[str, bytes]]:
    """The bytes of each parameter of a trainer's model, with the whole vocabulary."""

    def read(trainer: Any) -> dict[str, bytes]:
        module = trainer.module
        with module.full_table():
            return {name: x.numpy().tobytes() for name, x in module.model.named_parameters()}

    return read


@pytest.fixture(scope="session")
def timeless() -> Callable[[Path], list[dict[str, Any]]]:
    """The lines of a run's metrics.jsonl without what depends on the clock."""

    def read(folder: Path) -> list[dict[str, Any]]:
        lines = (folder / "metrics.jsonl").read_text().splitlines()
        clock = ("time", "train/pairs_per_second")
        return [
            {key: value for key, value in json.loads(line).items() if key not in clock}
            for line in lines
        ]

    return read
