"""Labels with probabilities, and how these come out of logits."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from infoxlm.tasks.inference import Inference
from infoxlm.tasks.probabilities import DIGITS, softmax


@dataclass(frozen=True, slots=True)
class Prediction:
    """The most probable label, and the probability of each.

    Attributes:
        label: The most probable label.
        probabilities: The probability of each label, most probable first in zero-shot
            classification. Of a regression, the value itself.
        truncated: Whether the text was longer than the model's input, so that its end was cut.
    """

    label: str
    probabilities: dict[str, float]
    truncated: bool = False


class Labelling(Inference):
    """Answers that are labels with probabilities."""

    prediction = Prediction
    answer_text = (
        "The most probable label, and the probability of each.\n\nAttributes:\n"
        "    truncated: Whether the text was cut to the model's length."
    )
    labels: tuple[str, ...]

    def record(self, prediction: Prediction) -> dict[str, Any]:
        """Label, probabilities, and whether the text was cut."""
        shares = prediction.probabilities.items()
        return {
            "label": prediction.label,
            "probabilities": {label: round(share, DIGITS) for label, share in shares},
            "truncated": prediction.truncated,
        }

    @property
    def columns(self) -> tuple[str, ...]:
        """Label, a column for each label's probability, truncated."""
        return ("label", *self.labels, "truncated")

    def cells(self, prediction: Prediction) -> list[str]:
        """A prediction's cells of a table, under `columns`."""
        shares = [f"{prediction.probabilities[label]:.{DIGITS}f}" for label in self.labels]
        return [prediction.label, *shares, str(prediction.truncated).lower()]


def activation(problem: str | None, outputs: int) -> Callable[[np.ndarray], np.ndarray]:
    """Choose the function that turns logits into probabilities.

    Args:
        problem: `problem_type` of the `config.json`.
        outputs: The number of labels.
    """
    if problem == "regression":
        return lambda logits: logits.astype(np.float64)
    if problem == "multi_label_classification" or outputs == 1:
        return sigmoid
    return softmax


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Logistic function, computed in float64 and without overflow."""
    return np.exp(-np.logaddexp(0.0, -logits.astype(np.float64)))
