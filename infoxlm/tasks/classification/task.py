"""Classification of pairs of texts: from the files to the scores."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from infoxlm.checkpoint.labels import check_labels, check_reusable_head
from infoxlm.data.dataset import dataset_of
from infoxlm.data.encoding import check_languages_present, encode_split
from infoxlm.data.example import Example
from infoxlm.data.examples import Examples
from infoxlm.data.sampler import EpochSampler
from infoxlm.data.scripts import rows_in_script
from infoxlm.data.text_file import TextFile
from infoxlm.data.token_cache import TokenCache
from infoxlm.errors import UserError
from infoxlm.tasks import task
from infoxlm.tasks.classification import published, report
from infoxlm.tasks.classification.inference import ModelInference
from infoxlm.tokenization.token_ids import TokenIds

if TYPE_CHECKING:
    from infoxlm.evaluate.evaluator import Evaluator
    from infoxlm.evaluate.predictions import Predictions
    from infoxlm.evaluate.published import Published
    from infoxlm.evaluate.scores import Scores
    from infoxlm.model import InfoXLMForSequenceClassification
    from infoxlm.reporting.sections import Section
    from infoxlm.schema import DataConfig, ModelConfig, TaskConfig
    from infoxlm.tasks.stream import TrainingStream

#: The array of scored examples that says which rows are written in their language's script.
IN_SCRIPT = "in_script"


class Task(task.Task):
    """One label for each pair of texts, in any language of the data set."""

    name = "classification"
    data: "DataConfig"

    def __init__(self, options: "TaskConfig", data: "DataConfig") -> None:
        super().__init__(options, data)
        self.dataset = dataset_of(data)
        self.labels = self.dataset.labels

    def open(self, splits: Sequence[str]) -> None:
        """Find the files and check that they are there in the languages asked for."""
        self.source = self.dataset.open(self.data)
        for split in splits:
            check_languages_present(self.source, split, self._languages(split))

    def check_checkpoint(self, folder: Path, named: str | None, *, trained: bool) -> None:
        """Check that a folder holds an encoder, or a classifier of these labels."""
        check = check_labels if trained else check_reusable_head
        check(folder, named, labels=self.labels)

    def load(self, split: str, cache: TokenCache, limit: int | None = None) -> list[Examples]:
        """Read and tokenize the pairs of a split."""
        training = split == "train"

        def encode(
            language: str, pairs: Sequence[Example]
        ) -> tuple[TokenIds, Mapping[str, np.ndarray]]:
            texts = [pair.premise for pair in pairs], [pair.hypothesis for pair in pairs]
            token_ids = cache.tokenizer.encode(*texts, max_length=cache.max_length)
            targets = {"labels": np.array([pair.label for pair in pairs], np.int64)}
            if not training:
                targets[IN_SCRIPT] = rows_in_script(language, *texts)
            return token_ids, targets

        own = self.data.limit_train if training else self.data.limit_eval
        limits = [rows for rows in (own, limit) if rows is not None]
        return [
            *chain.from_iterable(
                encode_split(
                    self.source,
                    split,
                    [language],
                    cache,
                    partial(encode, language),
                    limit=min(limits, default=None),
                    options=None if training else {"targets": ["labels", IN_SCRIPT]},
                )
                for language in self._languages(split)
            )
        ]

    def checksums(self, splits: Sequence[str]) -> dict[str, str]:
        """SHA-256 of each file of pairs, by its path."""
        files = {
            file: None
            for split in splits
            for language in self._languages(split)
            for file in self.source.files(split, language)
        }
        return {str(file): TextFile(file).sha256() for file in files}

    def build_model(
        self,
        config: "ModelConfig",
        folder: Path | None,
        vocab_size: int,
        max_length: int,
        *,
        new_head: bool = False,
    ) -> "InfoXLMForSequenceClassification":
        """A classifier of these labels."""
        from infoxlm.model.loading import load_classifier

        return load_classifier(
            config,
            folder,
            vocab_size,
            max_length,
            labels=self.labels,
            task_name=self.name,
            new_head=new_head,
        )

    def streams(
        self,
        model: "InfoXLMForSequenceClassification",
        examples: list[Examples],
        batch_size: int,
        seed: int,
    ) -> "list[TrainingStream]":
        """All pairs of all training languages, epoch by epoch."""
        from infoxlm.tasks.classification.objective import ClassificationObjective
        from infoxlm.tasks.stream import TrainingStream

        joined = Examples.concatenate(examples)
        columns = np.array(label_columns(model, self.labels))
        joined = replace(joined, targets={"labels": columns[joined.targets["labels"]]})
        sampler = EpochSampler(len(joined), batch_size, seed)
        return [TrainingStream("classification", joined, sampler, ClassificationObjective(model))]

    def evaluate(
        self,
        model: "InfoXLMForSequenceClassification",
        examples: list[Examples],
        evaluator: "Evaluator",
    ) -> "tuple[Scores, Predictions]":
        """Accuracy in each language."""
        from paddle.nn.functional import softmax

        from infoxlm.tasks.classification.scores import classifier_predictions, classifier_scores

        joined = Examples.concatenate(examples)
        columns = label_columns(model, self.labels)
        probabilities = evaluator.outputs(model, joined.token_ids, len(columns), softmax)
        predictions = classifier_predictions(
            joined.languages,
            joined.rows,
            joined.targets["labels"],
            probabilities[:, columns],
            self.labels,
        )
        scores = classifier_scores(
            predictions, self.labels, self.dataset.chance, joined.targets.get(IN_SCRIPT)
        )
        return scores, predictions

    @staticmethod
    def report_sections(results: Mapping[str, Any], split: str) -> "list[Section]":
        """The confusion matrix over all languages, and rows in another script than the usual."""
        return report.report_sections(results, split)

    @staticmethod
    def published(results: Mapping[str, Any]) -> "Published | None":
        """The published row of the model and the data set, or the one that fits best."""
        return published.published(results)

    @classmethod
    def inference(cls, config: Mapping[str, Any]) -> ModelInference:
        """Labels of pairs of texts, with their probabilities."""
        return ModelInference(config)

    def _languages(self, split: str) -> list[str]:
        return self.data.train_languages if split == "train" else self.data.eval_languages


def label_columns(model: Any, labels: Sequence[str]) -> list[int]:
    """Find each label's logit: their order is the checkpoint's, not ours.

    Args:
        model: The classifier.
        labels: The data set's.

    Raises:
        UserError: The checkpoint's labels are others.
    """
    ids = {str(label): int(column) for column, label in model.config.id2label.items()}
    if set(ids) == set(labels):
        return [ids[label] for label in labels]
    lower = {label.lower(): column for label, column in ids.items()}
    wanted = [label.lower() for label in labels]
    if set(lower) != set(wanted) or len(lower) < len(ids):
        raise UserError(
            f"the checkpoint's labels are {', '.join(ids)}, not {', '.join(labels)}",
            "Name them in id2label of its config.json, or give a checkpoint fine-tuned on such "
            "labels.",
        )
    return [lower[label] for label in wanted]
