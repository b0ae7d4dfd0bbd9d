"""``infoxlm train``: its groups, and checks across them."""

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

from infoxlm.errors import UserError
from infoxlm.schema.checks import (
    check,
    check_above_zero,
    check_fraction,
    check_positive,
)
from infoxlm.schema.choices import SelectOn
from infoxlm.schema.consistency import ConsistencyConfig
from infoxlm.schema.groups import DataConfig, HardwareConfig, ModelConfig
from infoxlm.schema.recipes import check_recipe
from infoxlm.schema.task import TaskConfig


@dataclass
class OptimizerConfig:
    """The optimizer; ``options`` are the numbers of that one alone."""

    name: str = MISSING
    learning_rate: float = MISSING
    weight_decay: float = 0.0
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    max_grad_norm: float | None = 1.0
    options: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_recipe("optimizer", self.name, self.options)
        check_above_zero(self, "optimizer", "learning_rate", "epsilon", "max_grad_norm")
        check_fraction(self, "optimizer", "weight_decay", "beta1", "beta2")
        if self.name == "adam" and self.weight_decay:
            raise UserError(
                f"optimizer.weight_decay={self.weight_decay} with optimizer=adam",
                "Adam has no decoupled decay here: take optimizer=adamw.",
            )


@dataclass
class SchedulerConfig:
    """The learning rate's schedule: linear warm-up, then what the name says."""

    name: str = MISSING
    warmup_ratio: float = 0.0
    options: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_recipe("scheduler", self.name, self.options)
        check_fraction(self, "scheduler", "warmup_ratio")


@dataclass
class TrainerConfig:
    """Length of the training, intervals of scoring, logging and saving, checkpoints to keep."""

    effective_batch_size: int = 256
    max_steps: int | None = None
    epochs: int = 5
    eval_every: int = 500
    eval_limit: int | None = None
    eval_at_start: bool = False
    log_every: int = 10
    save_every: int | None = None
    keep_checkpoints: int = 1
    select_on: SelectOn = SelectOn.dev_average
    patience: int | None = None
    resume: str | None = None
    replay: str | None = None

    def __post_init__(self) -> None:
        check_positive(
            self, "trainer", "effective_batch_size", "max_steps", "epochs", "eval_every",
            "eval_limit", "log_every", "save_every", "patience",
        )  # fmt: skip
        check(
            self.keep_checkpoints >= 0, "trainer.keep_checkpoints", self.keep_checkpoints,
            "0 or more",
        )  # fmt: skip
        for key in ("resume", "replay"):
            check(getattr(self, key) != "", f"trainer.{key}", "", "a path, or left out")
        if self.resume is not None and self.replay is not None:
            raise UserError("trainer.resume and trainer.replay are both set", "Give one of them.")


@dataclass
class BaseTrainConfig:
    """What all commands that train have; a command's own says what its task and data are."""

    name: str = "default"
    seed: int = 42
    task: Any = MISSING
    model: ModelConfig = MISSING
    data: Any = MISSING
    optimizer: OptimizerConfig = MISSING
    scheduler: SchedulerConfig = MISSING
    hardware: HardwareConfig = MISSING
    consistency: ConsistencyConfig = field(default_factory=ConsistencyConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)

    def __post_init__(self) -> None:
        check(0 <= self.seed < 2**31, "seed", self.seed, "from 0 to 2147483647")


@dataclass
class TrainConfig(BaseTrainConfig):
    """``infoxlm train``."""

    task: TaskConfig = field(default_factory=TaskConfig)
    data: DataConfig = MISSING

    def __post_init__(self) -> None:
        check(self.data.max_length is not None, "data.max_length", "null", "a number of tokens")
        super().__post_init__()
        if self.trainer.select_on is SelectOn.dev_en and "en" not in self.data.eval_languages:
            raise UserError(
                "trainer.select_on=dev_en, but data.eval_languages has no en",
                "Add en to data.eval_languages or set trainer.select_on=dev_average.",
            )
