"""Zero-shot classification in Python: labels that the model was not trained for."""

from collections.abc import Iterable, Iterator, Sequence

from infoxlm.deploy.predictor import Predictor
from infoxlm.tasks.classification.prediction import Prediction
from infoxlm.tasks.classification.zero_shot import TEMPLATE


class ZeroShotClassifier:
    """Sorts texts into labels that the model was not trained for.

    Args:
        predictor: A classifier of pairs with a label that begins with "entail" or "paraphrase".
        labels: The candidates.
        template: The hypothesis, with `{}` where a label goes.
        multi_label: Whether several labels may hold at once; see `ZeroShot`.

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
        inference = predictor.inference.zero_shot(labels, template, multi_label=multi_label)
        self.predictor = predictor.answering(inference)

    def predict(self, texts: Iterable[str]) -> list[Prediction]:
        """Classify texts, in their order; probabilities come highest first."""
        return list(self.stream(texts))

    def stream(self, texts: Iterable[str]) -> Iterator[Prediction]:
        """Classify texts one chunk after the other."""
        return self.predictor.stream((text,) for text in texts)
