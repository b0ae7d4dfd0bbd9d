"""Zero-shot classification: does the text entail "This example is {label}."? (Yin et al. 2019).

With a model of natural-language inference the scores are those of Hugging Face's pipeline
zero-shot-classification. A model that tells paraphrases from other pairs (PAWS-X) is asked whether
the text means the same as that sentence, which is more than following from it: a long text hardly
paraphrases a short one, so that single probabilities stay low and only their order says something.
"""

import logging
from collections.abc import Sequence
from functools import cache
from itertools import chain

import numpy as np

from infoxlm.errors import UserError
from infoxlm.tasks.classification.prediction import Labelling, Prediction
from infoxlm.tasks.inference import Encoded, Field, Row
from infoxlm.tasks.probabilities import softmax
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

logger = logging.getLogger(__name__)

#: The pipeline's own default, so that results can be compared.
TEMPLATE = "This example is {}."

#: The first letters of labels that say yes.
POSITIVE = ("entail", "paraphrase")


class ZeroShot(Labelling):
    """Sorts texts into labels that the model was not trained for.

    A text becomes as many sequences as there are labels.

    Args:
        model: A classifier of pairs with a label that begins with "entail" or "paraphrase":
            entailment, neutral, contradiction; entailment and not_entailment; paraphrase and
            not_paraphrase.
        labels: The candidates.
        template: The hypothesis, with `{}` where a label goes.
        multi_label: Whether several labels may hold at once: each one's probability is then its
            own, entailment against contradiction (or not_entailment), as it always is of a single
            label. Otherwise they share one, and sum to 1.

    Raises:
        UserError: The model has no such label, the template has no `{}`, or there is no
            label or one comes twice.
    """

    fields = (Field("text", ("sentence",)),)
    noun, plural = "text", "texts"

    def __init__(
        self, model: Labelling, labels: Sequence[str], template: str, *, multi_label: bool
    ) -> None:
        check_candidates(labels, template)
        self._columns = compared_columns(model.labels)
        self.model = model
        self.labels = tuple(labels)
        self.hypotheses = [template.replace("{}", label) for label in labels]
        self.multi_label = multi_label or len(labels) == 1
        self.outputs = model.outputs
        self.sequences_an_input = len(self.labels)

    def pairs(self, texts: Sequence[str]) -> list[Row]:
        """Put each text before each label's hypothesis."""
        return [(text, hypothesis) for text in texts for hypothesis in self.hypotheses]

    def encode(self, tokenizer: InfoXLMTokenizer, rows: Sequence[Row], max_length: int) -> Encoded:
        """Tokenize each text with each label's hypothesis."""
        pairs = self.pairs(list(chain.from_iterable(rows)))
        encoded = self.model.encode(tokenizer, pairs, max_length)
        cut = encoded.truncated.reshape(len(rows), len(self.labels)).any(axis=1)
        return Encoded(encoded.token_ids, cut)

    def decode(self, outputs: Sequence[np.ndarray], encoded: Encoded) -> list[Prediction]:
        """Turn the logits of the pairs into predictions on the texts."""
        if not len(outputs):
            return []
        logits = np.stack(outputs).reshape(-1, len(self.labels), self.outputs)
        scores = self.probabilities(logits)
        return [
            self._ranked(*each) for each in zip(scores, encoded.truncated.tolist(), strict=True)
        ]

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Probabilities `[texts, candidates]` out of logits `[texts, candidates, labels]`."""
        if self.multi_label:
            return softmax(logits[..., self._columns])[..., 1]
        return softmax(logits[..., self._columns[1]])

    def full_length(self, tokenizer: InfoXLMTokenizer, row: Row) -> int:
        """Count the tokens of a text with the longest hypothesis."""
        return max(self.model.full_length(tokenizer, pair) for pair in self.pairs(row))

    def _ranked(self, row: np.ndarray, truncated: bool) -> Prediction:
        """The candidates of one text, the most probable first."""
        order = np.argsort(-row, kind="stable")
        ranked = {self.labels[column]: float(row[column]) for column in order}
        return Prediction(next(iter(ranked)), ranked, truncated)


@cache
def compared_columns(labels: tuple[str, ...]) -> list[int]:
    """Find the columns of contradiction and entailment as Hugging Face's pipeline does.

    Entailment is the first label that begins so; where none does, paraphrase. What stands against
    it goes by position, so that models of two labels work, too: the first column or, where that is
    entailment, the last.

    Raises:
        UserError: No label begins so, or there is but one label.
    """
    found = [
        column
        for beginning in POSITIVE
        for column, label in enumerate(labels)
        if label.lower().startswith(beginning)
    ]
    if not found or len(labels) < 2:
        raise UserError(
            f"the model's labels are {', '.join(labels)}, which do not tell entailment or "
            "paraphrases from anything else",
            "Give a model that was fine-tuned on natural-language inference or on paraphrases.",
        )
    positive = found[0]
    negative = len(labels) - 1 if positive == 0 else 0
    if labels[negative].lower() == "neutral":
        logger.warning(
            "the model's labels are %s: multi_label compares entailment with neutral, as Hugging "
            "Face's pipeline does with labels in this order", ", ".join(labels)
        )  # fmt: skip
    return [negative, positive]


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
