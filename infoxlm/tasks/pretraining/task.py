"""Pre-training on text and translations: from the files to the scores."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from infoxlm.checkpoint.config_file import read_config_file
from infoxlm.checkpoint.labels import check_masked_lm_or_encoder
from infoxlm.data.examples import Examples
from infoxlm.data.sampler import LanguageSampler
from infoxlm.data.token_cache import TokenCache
from infoxlm.errors import UserError
from infoxlm.schema import CorpusConfig, Faulty, PretrainingConfig
from infoxlm.schema.pretraining import WEIGHTS
from infoxlm.tasks import task
from infoxlm.tasks.pretraining import report
from infoxlm.tasks.pretraining.corpus import Corpus, open_corpus, random_ids
from infoxlm.tasks.pretraining.examples import ContrastExamples, MaskedExamples
from infoxlm.tasks.pretraining.languages import find_corpus, find_pairs
from infoxlm.tasks.pretraining.masking import Masking, whole_vocabulary
from infoxlm.tasks.pretraining.retrieval_pairs import RetrievalPairs, load_retrieval_pairs
from infoxlm.tasks.pretraining.sample import place_sample
from infoxlm.tasks.pretraining.stored_examples import StoredExamples

if TYPE_CHECKING:
    from infoxlm.evaluate.evaluator import Evaluator
    from infoxlm.evaluate.predictions import Predictions
    from infoxlm.evaluate.scores import Scores
    from infoxlm.model import InfoXLMForMaskedLM
    from infoxlm.reporting.sections import Section
    from infoxlm.schema import ModelConfig
    from infoxlm.tasks.inference import Inference
    from infoxlm.tasks.objective import Objective
    from infoxlm.tasks.stream import TrainingStream

#: The names of the streams, in the order in which gradients are computed.
MLM, TLM, XLCO = "mlm", "tlm", "xlco"


class Task(task.Task):
    """Masked LM on text and on translation pairs, and cross-lingual contrast."""

    name = "pretraining"
    options: PretrainingConfig
    data: CorpusConfig

    def __init__(self, options: PretrainingConfig, data: CorpusConfig) -> None:
        if not isinstance(options, PretrainingConfig):
            raise UserError(f"task.name={self.name}", "Pre-train with `infoxlm pretrain`.")
        super().__init__(options, place_sample(data))
        self._opened: Corpus | None = None

    def open(self, splits: Sequence[str]) -> None:
        """Find the files of text and of pairs."""
        self.mono, self.parallel = find_corpus(self.data, self.options.streams)
        self.pairs = find_pairs(self.data)

    def check_checkpoint(self, folder: Path, named: str | None, *, trained: bool) -> None:
        """Check that a folder holds an encoder, or a masked-LM model, with blocks enough."""
        check_masked_lm_or_encoder(folder, named)
        self.options.check_blocks(int(read_config_file(folder)["num_hidden_layers"]))

    def load(
        self, split: str, cache: TokenCache, limit: int | None = None
    ) -> "list[Examples] | None":
        """Tokenize the corpus: a stream's examples in training, held-out ones and pairs on dev."""
        if split == "test":
            return None
        if split == "train":
            return list(self._training(cache).values())
        limits = [rows for rows in (self.data.eval_limit, limit) if rows is not None]
        pairs = load_retrieval_pairs(self.pairs, cache, min(limits, default=None))
        found = [*self._held_out(cache, limit), *pairs]
        return found or None

    def checksums(self, splits: Sequence[str]) -> dict[str, str]:
        """SHA-256 of each file of text, by its path."""
        corpora = (self.mono, self.parallel, self.pairs)
        sources = [source for found in corpora for rows in found.values() for source in rows]
        files = {str(file): file for source in sources for file in source.files}
        return {name: file.sha256() for name, file in files.items()}

    def build_model(
        self,
        config: "ModelConfig",
        folder: Path | None,
        vocab_size: int,
        max_length: int,
        *,
        new_head: bool = False,
    ) -> "InfoXLMForMaskedLM":
        """A masked-LM model, with what the contrast needs where there is one."""
        from infoxlm.model.loading import load_masked_lm

        model = load_masked_lm(
            config,
            folder,
            vocab_size,
            max_length,
            task_name=self.name,
            new_head=new_head,
            projection=XLCO in self.options.streams and self.options.projection,
        )
        self.options.check_blocks(model.config.num_hidden_layers)
        return model

    def streams(
        self,
        model: "InfoXLMForMaskedLM",
        examples: list[Examples],
        batch_size: int,
        seed: int,
    ) -> "list[TrainingStream]":
        """One stream a loss, each over languages drawn by their size to a power."""
        from infoxlm.tasks.stream import TrainingStream

        streams = []
        for name, part in zip(self.options.streams, examples, strict=True):
            assert isinstance(part, StoredExamples)
            # Each stream has an order of its own, with and without the others.
            number = list(WEIGHTS).index(name)
            sampler = LanguageSampler(
                part.sizes, self.data.alpha, batch_size, seed + (number << 32)
            )
            streams.append(
                TrainingStream(
                    name,
                    part,
                    sampler,
                    self._objective(name, model),
                    getattr(self.options, WEIGHTS[name]),
                    self.options.joint_denominator,
                    number,
                )
            )
        return streams

    def evaluate(
        self, model: "InfoXLMForMaskedLM", examples: list[Examples], evaluator: "Evaluator"
    ) -> "tuple[Scores, Predictions]":
        """Retrieval in every block, perplexity and masked tokens, as far as there is text."""
        from infoxlm.tasks.pretraining.masked_scores import score_masked
        from infoxlm.tasks.pretraining.retrieval_scores import score_retrieval
        from infoxlm.tasks.pretraining.scores import pretraining_scores

        held_out = [part for part in examples if isinstance(part, MaskedExamples)]
        pairs = [part for part in examples if isinstance(part, RetrievalPairs)]
        masked = score_masked(model, held_out, evaluator) if held_out else None
        pooling = self.options.retrieval_pooling
        found = score_retrieval(model.roberta, pairs, evaluator, pooling) if pairs else None
        return pretraining_scores(masked, found, self._retrieval_block)

    @staticmethod
    def report_sections(results: Mapping[str, Any], split: str) -> "list[Section]":
        """Retrieval by block and language, and held-out text, before and after."""
        return report.report_sections(results, split)

    @staticmethod
    def draw(results: Mapping[str, Any], folder: Path) -> Mapping[str, str]:
        """Draw the accuracy by block, before and after."""
        return report.draw(results, folder)

    @classmethod
    def inference(cls, config: Mapping[str, Any]) -> "Inference":
        """Refuse to predict.

        Raises:
            UserError: Always.
        """
        raise UserError(
            "a pre-trained model gives no answers",
            "Fine-tune it with infoxlm train model.checkpoint=FOLDER, or look for translations "
            "with `infoxlm retrieve`.",
        )

    @property
    def _retrieval_block(self) -> int:
        return self.options.retrieval_block or self.options.block

    def _corpus(self, cache: TokenCache) -> Corpus:
        """The tokenized corpus."""
        if self._opened is None:
            self._opened = open_corpus(
                self.mono,
                self.parallel,
                cache.folder,
                cache.tokenizer,
                scored=self.pairs,
                held_out=self.data.held_out,
                refuse_faulty=self.data.faulty is Faulty.refuse,
            )
        return self._opened

    def _training(self, cache: TokenCache) -> dict[str, StoredExamples[Any]]:
        """The examples of each stream."""
        corpus, length = self._corpus(cache), cache.max_length
        masking, vocabulary = self._masking(cache)
        made: dict[str, StoredExamples[Any]] = {}
        for name in self.options.streams:
            if name == MLM:
                made[name] = MaskedExamples.of(corpus.blocks(length), masking, vocabulary)
            elif name == TLM:
                made[name] = MaskedExamples.of(corpus.pairs(length), masking, vocabulary)
            else:
                own = masking if self.options.mask_contrast else None
                pairs, mixup = corpus.pairs(length), self.options.mixup
                made[name] = ContrastExamples.of(pairs, own, vocabulary, mixup=mixup)
            if not len(made[name]):
                joined = "which joins two pairs, " if name == XLCO and self.options.mixup else ""
                raise UserError(
                    f"there is too little text for {name}, {joined}to make one example",
                    f"Give more text{', or set task.mixup=false' if joined else ''}.",
                )
        return made

    def _held_out(self, cache: TokenCache, limit: int | None) -> list[MaskedExamples]:
        """The held-out blocks and pairs of the masked-LM streams."""
        corpus, length = self._corpus(cache), cache.max_length
        masking, vocabulary = self._masking(cache)
        parts: dict[str, Sequence[Any]] = {
            MLM: corpus.held_out_blocks(length, limit),
            TLM: corpus.held_out_pairs(length, limit),
        }
        return [
            MaskedExamples.of(part, masking, vocabulary)
            for name, part in parts.items()
            if name in self.options.streams and part
        ]

    def _masking(self, cache: TokenCache) -> tuple[Masking, np.ndarray | None]:
        """How texts are masked, and the ids that occur where the vocabulary is restricted."""
        options, mask_id = self.options, cache.tokenizer.mask_id
        vocabulary = None
        drawn = whole_vocabulary(cache.tokenizer.vocab_size, mask_id)
        if options.restrict_vocabulary:
            vocabulary = self._corpus(cache).vocabulary(mask_id)
            drawn = random_ids(vocabulary, mask_id)
        shares = options.mask_probability, options.random_share, options.kept_share
        return Masking(mask_id, drawn, *shares), vocabulary

    def _objective(self, name: str, model: "InfoXLMForMaskedLM") -> "Objective":
        """The objective of a stream."""
        from infoxlm.tasks.pretraining.contrast import ContrastObjective
        from infoxlm.tasks.pretraining.masked_lm import MaskedLMObjective

        if name != XLCO:
            return MaskedLMObjective(model)
        return ContrastObjective(model, self.options)
