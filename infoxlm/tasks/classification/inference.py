"""One label for each pair of texts, with the probability of every label."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from infoxlm.checkpoint.config_file import CONFIG_FILE
from infoxlm.checkpoint.labels import check_classifier
from infoxlm.data.columns import HYPOTHESIS, PREMISE
from infoxlm.data.source import EMBEDDED, open_source
from infoxlm.errors import UserError
from infoxlm.files.manifest import MANIFEST
from infoxlm.tasks.classification.prediction import Labelling, Prediction, activation
from infoxlm.tasks.classification.wording import wording
from infoxlm.tasks.classification.zero_shot import ZeroShot
from infoxlm.tasks.inference import Encoded, Field, Inference, Row
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer


class ModelInference(Labelling):
    """A classifier of pairs of texts.

    Args:
        config: The model's `config.json`. Its `problem_type` decides what probabilities are, as in
            Hugging Face's pipeline: softmax over the labels; a sigmoid of each for
            `multi_label_classification` and for a single label; the outputs themselves for
            `regression`.
    """

    fields = (Field("premise", PREMISE[1:]), Field("hypothesis", HYPOTHESIS[1:]))
    noun, plural = "pair", "pairs"
    request_text = "Label one pair of texts, or many."
    sorts_texts = True
    page = Path(__file__).parent / "page"

    def __init__(self, config: Mapping[str, Any]) -> None:
        words = config.get("id2label") or {}
        self.labels = tuple(words[str(column)] for column in range(len(words)))
        self.outputs = len(self.labels)
        self.input_text = wording(self.labels).input_text
        self._probabilities = activation(config.get("problem_type"), self.outputs)

    @property
    def description(self) -> str:
        """The labels in a sentence."""
        return f"Labels for pairs of texts: {', '.join(self.labels)}."

    @property
    def page_words(self) -> Mapping[str, str]:
        """The page's words, which depend on what the labels tell apart."""
        return wording(self.labels)._asdict()

    def check(self, folder: Path, named: str, *, checkpoint: bool) -> None:
        """Check that a folder holds a classifier whose labels have names."""
        if checkpoint:
            check_classifier(folder, named)
        if not self.labels:
            raise UserError(
                f"{folder / CONFIG_FILE} does not name the labels (id2label)",
                "Give a checkpoint that `infoxlm train` wrote, or name them there in the order of "
                f"the model's logits and delete {MANIFEST}.",
            )

    def load_model(self, folder: Path) -> Any:
        """Load the classifier of a checkpoint."""
        from infoxlm.model import InfoXLMForSequenceClassification

        return InfoXLMForSequenceClassification.from_pretrained(folder)

    def encode(self, tokenizer: InfoXLMTokenizer, rows: Sequence[Row], max_length: int) -> Encoded:
        """Tokenize pairs, and find out which of them were cut."""
        firsts, seconds = [row[0] for row in rows], [row[1] for row in rows]
        token_ids = tokenizer.encode(firsts, seconds, max_length=max_length)
        truncated = np.zeros(len(rows), dtype=bool)
        # Only rows that fill the input may have been longer.
        full = np.flatnonzero(token_ids.lengths == max_length)
        if len(full):
            lengths = tokenizer.full_lengths([firsts[x] for x in full], [seconds[x] for x in full])
            truncated[full] = lengths > max_length
        return Encoded(token_ids, truncated)

    def decode(self, outputs: Sequence[np.ndarray], encoded: Encoded) -> list[Prediction]:
        """Turn logits into labels and probabilities."""
        if not len(outputs):
            return []
        logits = np.stack(outputs)
        return [
            Prediction(self.labels[best], dict(zip(self.labels, row, strict=True)), cut)
            for best, row, cut in zip(
                logits.argmax(axis=1).tolist(),
                self._probabilities(logits).tolist(),
                encoded.truncated.tolist(),
                strict=True,
            )
        ]

    def full_length(self, tokenizer: InfoXLMTokenizer, row: Row) -> int:
        """Count the tokens of a pair that is not cut."""
        return int(tokenizer.full_lengths([row[0]], [row[1]])[0])

    def facts(self) -> dict[str, str]:
        """The words for the columns of the logits."""
        return {"labels": json.dumps(list(self.labels), ensure_ascii=False)}

    def sample_rows(self, split: str, rows: int) -> list[Row]:
        """Pairs of the embedded sample, in all its languages."""
        source = open_source(EMBEDDED)
        return [
            (example.premise, example.hypothesis)
            for language in source.languages(split)
            for example in source.read(split, language, rows)
        ]

    def zero_shot(self, labels: Sequence[str], template: str, *, multi_label: bool) -> Inference:
        """Ask of each label whether a text entails, or paraphrases, a sentence with it."""
        return ZeroShot(self, labels, template, multi_label=multi_label)
