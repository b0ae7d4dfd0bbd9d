"""Zero-shot classification: does the text entail "This example is {label}."? (Yin et al. 2019).

The scores are those of Hugging Face's zero-shot-classification pipeline.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import islice

import numpy as np

from infoxlm.deploy.predictor import WINDOW, Pair, Prediction, Predictor, softmax
from infoxlm.errors import UserError

logger = logging.getLogger(__name__)

#: The pipeline's own default, so that results can be compared.
TEMPLATE = "This example is {}."


class ZeroShotClassifier:
    """Sorts texts into labels that the model was not trained for.

    Args:
        predictor: A classifier with a label that begins with "entail": entailment, neutral,
            contradiction, or entailment and not_entailment.
        labels: The candidates.
        template: The hypothesis, with `{}` where a label goes.
        multi_label: Whether several labels may hold at once: each one's probability is then its
            own, entailment against contradiction (or not_entailment), as it always is of a single
            label. Otherwise they share one, and sum to 1.

    Raises:
        UserError: The model has no such label, the template has no `{}`, or there is no
            label or one comes twice.
    """

    def __init__(
        self,
        predictor: Predictor,
        labels: Sequence[str],
        template: str = TEMPLATE,
        multi_label: bool = False,
    ) -> None:
        check_candidates(labels, template)
        self._columns = compared_columns(predictor.labels)
        self.predictor = predictor
        self.labels = tuple(labels)
        self.hypotheses = [template.replace("{}", label) for label in labels]
        self.multi_label = multi_label or len(labels) == 1

    def predict(self, texts: Iterable[str]) -> list[Prediction]:
        """Classify texts, in their order; probabilities come highest first."""
        return list(self.stream(texts))

    def stream(self, texts: Iterable[str]) -> Iterator[Prediction]:
        """Classify texts one window after the other."""
        rest = iter(texts)
        while window := list(islice(rest, max(1, WINDOW // len(self.labels)))):
            yield from self.classify(window)

    def classify(
        self, texts: Sequence[str], advance: Callable[[int], object] = lambda pairs: None
    ) -> list[Prediction]:
        """Classify texts at once.

        Args:
            texts: All of them are held in memory.
            advance: Told the number of (text, label) pairs after each batch.
        """
        encoded = self.predictor.encode(self.pairs(texts))
        logits = self.predictor.logits(encoded.token_ids, advance)
        return self.predictions(logits, encoded.truncated)

    def pairs(self, texts: Sequence[str]) -> list[Pair]:
        """Put each text before each label's hypothesis."""
        return [(text, hypothesis) for text in texts for hypothesis in self.hypotheses]

    def predictions(self, logits: np.ndarray, truncated: np.ndarray) -> list[Prediction]:
        """Turn the scores of `pairs` into predictions on the texts.

        Args:
            logits: `[texts * candidates, labels]`.
            truncated: Which pairs were cut, bool `[texts * candidates]`.
        """
        candidates = len(self.labels)
        scores = self.probabilities(logits.reshape(-1, candidates, logits.shape[-1]))
        cut = truncated.reshape(-1, candidates).any(axis=1)
        return [self.prediction(*each) for each in zip(scores, cut.tolist(), strict=True)]

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Probabilities `[texts, candidates]` out of logits `[texts, candidates, labels]`."""
        if self.multi_label:
            return softmax(logits[..., self._columns])[..., 1]
        return softmax(logits[..., self._columns[1]])

    def prediction(self, row: np.ndarray, truncated: bool) -> Prediction:
        """The candidates of one text, the most probable first."""
        order = np.argsort(-row, kind="stable")
        ranked = {self.labels[column]: float(row[column]) for column in order}
        return Prediction(next(iter(ranked)), ranked, truncated)


@cache
def compared_columns(labels: tuple[str, ...]) -> list[int]:
    """Find the columns of contradiction and entailment as Hugging Face's pipeline does.

    Entailment is the first label that begins so. What stands against it goes by position, so that
    models of two labels work, too: the first column or, where that is entailment, the last.

    Raises:
        UserError: No label begins so, or there is but one label.
    """
    found = [column for column, label in enumerate(labels) if label.lower().startswith("entail")]
    if not found or len(labels) < 2:
        raise UserError(
            f"the model's labels are {', '.join(labels)}, which do not tell entailment from "
            "anything else",
            "Give a model that was fine-tuned on natural-language inference.",
        )
    entailment = found[0]
    contradiction = len(labels) - 1 if entailment == 0 else 0
    if labels[contradiction].lower() == "neutral":
        logger.warning(
            "the model's labels are %s: multi_label compares entailment with neutral, as Hugging "
            "Face's pipeline does with labels in this order", ", ".join(labels)
        )  # fmt: skip
    return [contradiction, entailment]


def check_candidates(labels: Sequence[str], template: str) -> None:
    """Check what zero-shot classification is asked for.

    Raises:
        UserError: The template has no `{}`, or there is no label, an empty one, or one twice.
    """
    if "{}" not in template:
        raise UserError(
            f"template={template!r} has no {{}} where a label goes",
            'Give one such as template="This text is about {}."',
        )
    if not labels or not all(label.strip() for label in labels):
        raise UserError(f"labels={list(labels)}", "Name at least one label, and leave none empty.")
    if len(set(labels)) < len(labels):
        raise UserError(f"labels={list(labels)}", "Name each label once.")
