"""A tiny classifier as a checkpoint, and exported in each form; nothing is downloaded."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

#: Most tokens of a pair that the tiny classifier was fine-tuned with; it has positions for 38.
MAX_LENGTH = 32

_PAIRS = [
    ("the cat sat on the mat", "the dog ran home"),
    ("", "a woman is playing the violin"),
    ("孩子在家里看书", "狗在睡觉。"),
    ("yesterday we bought a car", "our teacher was very happy"),
    ("a", "b"),
    ("أمس اشترينا سيارة جديدة", "وذهبنا إلى البحر"),
]


@pytest.fixture(scope="session")
def pairs() -> list[tuple[str, str]]:
    """Pairs of several lengths that fit into the tiny model."""
    return list(_PAIRS)


@pytest.fixture(scope="session")
def make_checkpoint(
    tiny_model: Callable[..., Any], sentencepiece_file: Path, tmp_path_factory: Any
) -> Callable[..., Path]:
    """Saves a tiny model as a checkpoint's folder."""

    def make(kind: str = "InfoXLMForSequenceClassification", **changes: Any) -> Path:
        folder = tmp_path_factory.mktemp("checkpoints") / "model"
        tiny_model(kind, **{"train_max_length": MAX_LENGTH, **changes}).save_pretrained(folder)
        InfoXLMTokenizer(sentencepiece_file).save_pretrained(folder)
        return folder

    return make


@pytest.fixture(scope="session")
def checkpoint(make_checkpoint: Callable[..., Path]) -> Path:
    """A tiny classifier; its labels are in another order than LABELS."""
    words = ("contradiction", "entailment", "neutral")
    return make_checkpoint(id2label=dict(enumerate(words)))


#: What a tiny checkpoint that answers questions is asked: windows of so few tokens share less.
ANSWERING = {
    "task_name": "question_answering",
    "question_answering": {"stride": 4, "max_question_length": 12, "n_best": 5},
}


@pytest.fixture(scope="session")
def make_answerer(make_checkpoint: Callable[..., Path]) -> Callable[..., Path]:
    """Saves a tiny model that answers questions as a checkpoint's folder."""

    def make(**changes: Any) -> Path:
        return make_checkpoint("InfoXLMForQuestionAnswering", **ANSWERING, **changes)

    return make


@pytest.fixture(scope="session")
def export(checkpoint: Path, tmp_path_factory: Any) -> Callable[..., Path]:
    """Exports the tiny classifier, each way once."""
    from infoxlm.deploy.export import ExportOptions, export_model
    from infoxlm.schema import ExportPrecision

    made: dict[Any, Path] = {}

    def exported(precision: str = "fp32", onnx: bool = True) -> Path:
        if onnx:
            pytest.importorskip("onnxruntime")
        key = (precision, onnx)
        if key not in made:
            folder = tmp_path_factory.mktemp("exported") / precision
            options = ExportOptions(onnx=onnx, precision=ExportPrecision(precision))
            export_model(checkpoint, folder, options)
            made[key] = folder
        return made[key]

    return exported


@pytest.fixture
def runtime(export: Callable[..., Path]) -> Any:
    """The exported tiny classifier in Paddle Inference, new."""
    from infoxlm.deploy import Predictor

    return Predictor.load(export("fp32", False)).runtime


@pytest.fixture(scope="session")
def expected(checkpoint: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Computes the checkpoint's own logits."""
    from infoxlm.deploy.model_folder import ModelFolder
    from infoxlm.deploy.runtimes import CheckpointModel

    return CheckpointModel.load(ModelFolder.open(checkpoint), "cpu").run
