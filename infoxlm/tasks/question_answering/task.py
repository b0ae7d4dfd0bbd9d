"""Extractive question answering: fine-tuned in one language, scored in all."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infoxlm.data.encoding import check_languages_present
from infoxlm.data.examples import Examples
from infoxlm.data.sampler import EpochSampler
from infoxlm.data.token_cache import TokenCache
from infoxlm.errors import UserError
from infoxlm.files.manifest import sha256_of
from infoxlm.schema import QuestionAnsweringConfig, Unanswerable
from infoxlm.tasks import task
from infoxlm.tasks.question_answering import published, report
from infoxlm.tasks.question_answering.answer_scores import Rules, rules_for
from infoxlm.tasks.question_answering.examples import QuestionExamples, load_questions
from infoxlm.tasks.question_answering.inference import QuestionInference
from infoxlm.tasks.question_answering.layouts import combined
from infoxlm.tasks.question_answering.options import KEY, AnsweringOptions
from infoxlm.tasks.question_answering.settings import (
    check_checkpoint,
    check_no_pairs,
    check_room,
    model_options,
)
from infoxlm.tasks.question_answering.source import open_questions

if TYPE_CHECKING:  # they import paddle, or what does
    from infoxlm.evaluate.evaluator import Evaluator
    from infoxlm.evaluate.predictions import Predictions
    from infoxlm.evaluate.published import Published
    from infoxlm.evaluate.scores import Scores
    from infoxlm.model import InfoXLMForQuestionAnswering
    from infoxlm.reporting.sections import Section
    from infoxlm.schema import DataConfig, ModelConfig
    from infoxlm.tasks.stream import TrainingStream

logger = logging.getLogger(__name__)

#: Splits that a data set may lack, of which a run needs one.
SCORED = ("dev", "test")


class Task(task.Task):
    """A piece of the context that answers the question, in any language of the data set."""

    name = "question_answering"
    max_length = 384
    options: QuestionAnsweringConfig
    data: "DataConfig"

    def __init__(self, options: QuestionAnsweringConfig, data: "DataConfig") -> None:
        super().__init__(options, data)
        check_no_pairs(data)

    def open(self, splits: Sequence[str]) -> None:
        """Find the files and check that they are there in the languages asked for."""
        self.source = open_questions(self.data, self.options)
        self.splits = [x for x in splits if x not in SCORED or self.source.languages(x)]
        missing = [split for split in splits if split not in self.splits]
        if missing and not set(self.splits) & set(SCORED):
            others = [split for split in SCORED if self.source.languages(split)]
            raise UserError(
                f"{self.source.name} has no {' or '.join(missing)} questions",
                f"Set split={others[0]}, or give another data.root."
                if others
                else "Give another data.root, or dev questions with data.dev_root=FILE_OR_FOLDER.",
            )
        for split in self.splits:
            languages = [x for x in self._languages(split) if not combined(x)]
            check_languages_present(self.source, split, languages, "questions")
            if split in SCORED:
                self._rules().check(languages)
        if set(SCORED) <= set(self.splits) and self.checksums(["dev"]) == self.checksums(["test"]):
            logger.warning(
                "%s has no dev questions of its own: checkpoints are chosen by those of test; "
                "data.dev_root=FILE_OR_FOLDER gives others", self.source.name
            )  # fmt: skip

    def check_checkpoint(self, folder: Path, named: str | None, *, trained: bool) -> None:
        """Check that a folder holds an encoder, or a model that answers questions."""
        check_checkpoint(folder, named, self.options, trained=trained)

    def load(
        self, split: str, cache: TokenCache, limit: int | None = None
    ) -> "list[Examples] | None":
        """Read the questions of a split, and tokenize them with their contexts."""
        if split not in self.splits:
            return None
        check_room(self.options, cache.max_length)
        training = split == "train"
        own = self.data.limit_train if training else self.data.limit_eval
        limits = [rows for rows in (own, limit) if rows is not None]
        return load_questions(
            self.source,
            split,
            self._languages(split),
            cache,
            self.options,
            limit=min(limits, default=None),
        )

    def checksums(self, splits: Sequence[str]) -> dict[str, str]:
        """SHA-256 of each file of questions, by its path."""
        files = {
            file: None
            for split in splits
            if split in self.splits
            for language in self._languages(split)
            for file in self.source.files(split, language)
        }
        return {str(file): sha256_of(file) for file in files}

    def build_model(
        self,
        config: "ModelConfig",
        folder: Path | None,
        vocab_size: int,
        max_length: int,
        *,
        new_head: bool = False,
    ) -> "InfoXLMForQuestionAnswering":
        """A model that answers questions, which keeps how it is asked in its config.json."""
        from infoxlm.model.loading import load_question_answerer

        model = load_question_answerer(
            config, folder, vocab_size, max_length, task_name=self.name, new_head=new_head
        )
        options = model_options(self.options, getattr(model.config, KEY, {}))
        setattr(model.config, KEY, asdict(options))
        return model

    def streams(
        self,
        model: "InfoXLMForQuestionAnswering",
        examples: list[Examples],
        batch_size: int,
        seed: int,
    ) -> "list[TrainingStream]":
        """All windows of all training languages, epoch by epoch."""
        from infoxlm.tasks.question_answering.objective import QuestionAnsweringObjective
        from infoxlm.tasks.stream import TrainingStream

        joined = Examples.concatenate(examples)
        sampler = EpochSampler(len(joined), batch_size, seed)
        return [TrainingStream(self.name, joined, sampler, QuestionAnsweringObjective(model))]

    def evaluate(
        self,
        model: "InfoXLMForQuestionAnswering",
        examples: list[Examples],
        evaluator: "Evaluator",
    ) -> "tuple[Scores, Predictions]":
        """F1 and exact match in each language, or pair of languages."""
        from infoxlm.tasks.question_answering.scores import score_answers

        options = AnsweringOptions(**getattr(model.config, KEY))
        outputs = evaluator.token_outputs(model, Examples.concatenate(examples).token_ids, 2)
        answers, start = [], 0
        for part in examples:
            assert isinstance(part, QuestionExamples)
            answers.append(part.answers(outputs[start : start + len(part)], options))
            start += len(part)
        return score_answers(answers, self._rules(), options)

    @staticmethod
    def write_files(predictions: "Predictions", folder: Path) -> None:
        """Write the answers as SQuAD's official scripts take them, and the n best."""
        from infoxlm.tasks.question_answering.prediction_files import write_answers
        from infoxlm.tasks.question_answering.scores import QuestionPredictions

        assert isinstance(predictions, QuestionPredictions)
        for part in predictions.answers:
            write_answers(part, predictions.options, folder)

    @staticmethod
    def report_sections(results: Mapping[str, Any], split: str) -> "list[Section]":
        """Published averages, pairs of languages, and questions without an answer."""
        return report.report_sections(results, split)

    @staticmethod
    def published(results: Mapping[str, Any]) -> "Published | None":
        """The published row of the model and the data set, or the one that fits best."""
        return published.published(results)

    @classmethod
    def inference(cls, config: Mapping[str, Any]) -> QuestionInference:
        """Answers out of a context, with their places and probabilities."""
        return QuestionInference(config)

    def _languages(self, split: str) -> list[str]:
        """The languages that a split is read in, and where asked their combinations."""
        if split == "train":
            return self.data.train_languages
        wanted = self.data.eval_languages
        present = self.source.languages(split)
        fewer = set(present) < set(self.source.languages("test"))
        if split == "dev" and (fewer or self.data.dev_root is not None):
            # A dev set of its own may be in English alone.
            wanted = [language for language in wanted if language in present] or wanted
        if not self.options.combinations or (split == "dev" and "test" in self.splits):
            return wanted
        pairs = map(combined, self.source.combinations(split))
        return [*wanted, *("-".join(pair) for pair in pairs if pair and set(pair) <= set(wanted))]

    def _rules(self) -> Rules:
        """When two answers are the same: as asked, or as the data set has it."""
        keeps = self.options.unanswerable is Unanswerable.keep
        return rules_for(self.source.rules, unanswerable=keeps)
