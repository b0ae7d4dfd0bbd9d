"""Twenty encoded pairs, and streams of changed copies of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from infoxlm.data.examples import Examples
from infoxlm.data.sampler import EpochSampler
from infoxlm.schema import ConsistencyConfig
from infoxlm.tasks.consistency.inputs import ConsistencyInputs
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

TEXTS = ("the cat sat on the mat", "a woman is playing", "the dog ran home", "never alone in there")
MAX_LENGTH = 38


@pytest.fixture(scope="session")
def tokenizer(sentencepiece_file: Path) -> InfoXLMTokenizer:
    return InfoXLMTokenizer(sentencepiece_file)


@pytest.fixture(scope="session")
def pairs(tokenizer: InfoXLMTokenizer) -> Examples:
    """Twenty pairs of different lengths, every second row of their file."""
    firsts = [" ".join(TEXTS[row % 4].split()[: 1 + row % 5]) for row in range(20)]
    seconds = [TEXTS[row % 3] for row in range(20)]
    token_ids = tokenizer.encode(firsts, seconds, max_length=MAX_LENGTH)
    labels = {"labels": np.arange(20) % 3}
    return Examples(token_ids, labels, 2 * np.arange(20), "en", "train/en.tsv")


@pytest.fixture(scope="session")
def consistent(
    tokenizer: InfoXLMTokenizer, pairs: Examples, tiny_model: Callable[..., Any]
) -> Callable[..., Any]:
    """Makes the stream of changed copies of a model: `consistent(model, name, teacher=True)`."""

    def make(model: Any, name: str, *, teacher: bool = False, **keys: Any) -> Any:
        from infoxlm.tasks.classification.objective import ClassificationObjective
        from infoxlm.tasks.consistency.build import with_consistency
        from infoxlm.tasks.stream import TrainingStream

        plain = TrainingStream(
            "classification", pairs, EpochSampler(20, 6, 1), ClassificationObjective(model)
        )
        found = ConsistencyInputs(
            ConsistencyConfig(name, teacher="run" if teacher else None, **keys),
            Path("run") if teacher else None,
        )
        return with_consistency(
            plain, found, tokenizer, MAX_LENGTH, lambda: tiny_model(seed=5, initializer_range=0.2)
        )

    return make
