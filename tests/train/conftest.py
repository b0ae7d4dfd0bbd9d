"""A trainer of a tiny model, as a run opens it, new or going on from a checkpoint."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from infoxlm.data.token_cache import EncodedExamples
from infoxlm.schema import (
    TrainConfig,
)
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

#: Training pairs: three windows an epoch, of 10, 10 and 4.
PAIRS, WINDOW = 24, 10


@pytest.fixture(scope="session")
def inputs(
    tiny_model: Callable[..., Any],
    random_token_ids: Callable[..., Any],
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
    train = EncodedExamples(
        random_token_ids(PAIRS), np.arange(PAIRS) % 3, 2 * np.arange(PAIRS), "en"
    )
    german = random_token_ids(12, seed=2), np.arange(12) % 3, np.arange(12)
    # English is scored on what is trained, so that the scores move.
    dev = [train, EncodedExamples(*german, "de")]
    return Inputs(folder, tokenizer, 38, [train], dev, dev, {}, {"en": "pairs/en.tsv"})


@pytest.fixture(scope="session")
def open_trainer(inputs: Any) -> Callable[..., Any]:
    """Opens the trainer of a folder's run, which begins or goes on from its newest checkpoint."""

    @contextmanager
    def opened(config: TrainConfig, folder: Path, *, resumed: bool = False) -> Iterator[Any]:
        from infoxlm.tracking.run_tracker import RunTracker
        from infoxlm.train.checkpoints import Checkpoints
        from infoxlm.train.fine_tuning import build_trainer
        from infoxlm.train.resume_point import find_resume_point

        checkpoints = Checkpoints(folder / "checkpoints", config.trainer.keep_checkpoints)
        select_on = config.trainer.select_on
        point = find_resume_point(checkpoints, select_on) if resumed else None
        with RunTracker(folder, config.name, point and point.folder) as tracker:
            yield build_trainer(config, inputs, tracker, checkpoints, point)

    return opened


@pytest.fixture(scope="session")
def weights_of() -> Callable[[Any], dict[str, bytes]]:
    """The bytes of each parameter of a trainer's model, with the whole vocabulary."""

    def read(trainer: Any) -> dict[str, bytes]:
        with trainer.learner.full_table():
            return {
                name: x.numpy().tobytes() for name, x in trainer.learner.model.named_parameters()
            }

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
