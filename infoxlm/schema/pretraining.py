"""``infoxlm pretrain``: its task and its corpus."""

from dataclasses import dataclass, field

from omegaconf import MISSING

from infoxlm.constants import MAX_LENGTH, MIN_LENGTH
from infoxlm.errors import UserError
from infoxlm.schema.checks import (
    check,
    check_above_zero,
    check_fraction,
    check_languages,
    check_name,
    check_positive,
)  # fmt: skip
from infoxlm.schema.choices import Faulty, Momentum, Pooling, SelectOn
from infoxlm.schema.training import BaseTrainConfig

#: The weights of the losses, by the names of their streams.
WEIGHTS = {"mlm": "mlm_weight", "tlm": "tlm_weight", "xlco": "xlco_weight"}


@dataclass
class PretrainingConfig:
    """The losses of InfoXLM (Chi et al. 2021), their defaults those of the released base model."""

    name: str = "pretraining"
    mlm_weight: float = 1.0
    tlm_weight: float = 1.0
    xlco_weight: float = 1.0
    joint_denominator: bool = True
    mask_probability: float = 0.15
    random_share: float = 0.1
    kept_share: float = 0.1
    mask_contrast: bool = True
    mixup: bool = True
    block: int = 8
    projection: bool = True
    normalize: bool = False
    temperature: float = 0.25
    queue_size: int = 131072
    batch_negatives: bool = False
    mask_equal_texts: bool = True
    momentum: float = 0.9999
    momentum_schedule: Momentum = Momentum.constant
    momentum_start: float = 0.99
    momentum_steps: int = 10000
    momentum_power: float = 1.0
    restrict_vocabulary: bool = False
    retrieval_block: int | None = None
    retrieval_pooling: Pooling = Pooling.mean

    def __post_init__(self) -> None:
        check_name("task.name", self.name, (PretrainingConfig.name,))
        for key in WEIGHTS.values():
            value = getattr(self, key)
            check(0 <= value < float("inf"), f"task.{key}", value, "0 or more and finite")
        if not self.streams:
            keys = ", ".join(f"task.{key}" for key in WEIGHTS.values())
            raise UserError("all losses have weight 0", f"Set one of {keys} above 0.")
        self._check_masks()
        check_positive(self, "task", "block", "queue_size", "momentum_steps", "retrieval_block")
        check_above_zero(self, "task", "temperature", "momentum_power")
        for key in ("momentum", "momentum_start"):
            value = getattr(self, key)
            check(0 <= value <= 1, f"task.{key}", value, "from 0 to 1")

    def _check_masks(self) -> None:
        check_above_zero(self, "task", "mask_probability")
        check_fraction(self, "task", "mask_probability")
        for key in ("random_share", "kept_share"):
            value = getattr(self, key)
            check(0 <= value <= 1, f"task.{key}", value, "from 0 to 1")
        if self.random_share + self.kept_share > 1:
            raise UserError(
                f"task.random_share={self.random_share} and task.kept_share={self.kept_share} are "
                "more than all masked tokens",
                "Their sum must be at most 1; the rest become <mask>.",
            )

    def check_blocks(self, blocks: int) -> None:
        """Check that an encoder has the blocks that are spoken of.

        Raises:
            UserError: It has fewer.
        """
        for key in ("block", "retrieval_block"):
            if (getattr(self, key) or 0) > blocks:
                raise UserError(
                    f"task.{key}={getattr(self, key)}, but the encoder has {blocks} blocks",
                    f"Give one from 1 to {blocks}.",
                )

    @property
    def streams(self) -> list[str]:
        """The streams that are learned from, those of weight 0 left out."""
        return [name for name, key in WEIGHTS.items() if getattr(self, key) > 0]


@dataclass
class CorpusConfig:
    """Monolingual and parallel text, a held-out part of it, and pairs for retrieval."""

    name: str = MISSING
    mono: list[str] = field(default_factory=list)
    parallel: list[str] = field(default_factory=list)
    exclude: list[str] = field(default_factory=list)
    languages: list[str] | None = None
    faulty: Faulty = Faulty.drop
    alpha: float = 0.7
    held_out: int = 200
    max_length: int = 512
    eval_pairs: str | None = None
    eval_limit: int | None = None
    cache_dir: str = MISSING

    def __post_init__(self) -> None:
        for key in ("mono", "parallel", "exclude"):
            check("" not in getattr(self, key), f"data.{key}", getattr(self, key), "without empty")
        if self.languages is not None:
            check_languages("data.languages", self.languages)
        check(0 <= self.alpha <= 1, "data.alpha", self.alpha, "from 0 to 1")
        check(self.held_out >= 0, "data.held_out", self.held_out, "0 or more")
        check_positive(self, "data", "eval_limit")
        check(
            MIN_LENGTH <= self.max_length <= MAX_LENGTH,
            "data.max_length",
            self.max_length,
            f"from {MIN_LENGTH} to {MAX_LENGTH}, the encoder's positions",
        )

    def check_text(self, streams: list[str]) -> None:
        """Check that there is text for each stream.

        Raises:
            UserError: Paths are missing.
        """
        for kind, used_by in (("mono", {"mlm"}), ("parallel", {"tlm", "xlco"})):
            wanting = sorted(used_by.intersection(streams))
            if wanting and not getattr(self, kind):
                text = "monolingual text" if kind == "mono" else "translations"
                zero = " ".join(f"task.{WEIGHTS[name]}=0" for name in wanting)
                raise UserError(
                    f"data.{kind} is empty",
                    f"Give {text} with data.{kind}=[FILE_OR_FOLDER], or learn without: {zero}.",
                )


@dataclass
class PretrainConfig(BaseTrainConfig):
    """``infoxlm pretrain``."""

    task: PretrainingConfig = field(default_factory=PretrainingConfig)
    data: CorpusConfig = MISSING

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.trainer.select_on is SelectOn.dev_en:
            raise UserError(
                "trainer.select_on=dev_en in pre-training",
                "Leave it out: checkpoints are chosen by the average over the languages.",
            )
        if self.task.restrict_vocabulary and not self.hardware.active_vocabulary:
            raise UserError(
                "task.restrict_vocabulary=true with hardware.active_vocabulary=false",
                "Set hardware.active_vocabulary=true, or leave the vocabulary whole.",
            )
        self.data.check_text(self.task.streams)
        if self.model.checkpoint is None and self.model.shape is not None:
            self.task.check_blocks(self.model.shape.num_hidden_layers)
