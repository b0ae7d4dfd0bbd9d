"""The dataclasses that every configuration is checked against.

Hydra refuses unknown keys and wrong types while it composes; what a type cannot say (ranges,
languages, combinations) is checked when the composed configuration becomes these objects.
"""

import re
from dataclasses import dataclass, field
from enum import Enum

from omegaconf import MISSING

from infoxlm.checks import check, check_fraction, check_languages, check_name, check_positive
from infoxlm.constants import LANGUAGES, MAX_LENGTH
from infoxlm.errors import UserError


class Amp(Enum):
    """Automatic mixed precision: none (fp32), or half precision of either kind."""

    none = "none"
    bf16 = "bf16"
    fp16 = "fp16"


class SelectOn(Enum):
    """The dev accuracy that decides which checkpoint is the best."""

    dev_average = "dev_average"
    dev_en = "dev_en"


class Direction(Enum):
    """Which way ``infoxlm convert`` goes."""

    to_paddle = "to_paddle"
    to_torch = "to_torch"


@dataclass
class ShapeConfig:
    """Shape of a model with random weights; see ``InfoXLMConfig`` for the meaning."""

    vocab_size: int = 250002
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    layer_norm_eps: float = 1e-5

    def __post_init__(self) -> None:
        check_positive(
            self, "model.shape", "vocab_size", "hidden_size", "num_hidden_layers",
            "num_attention_heads", "intermediate_size",
        )  # fmt: skip


@dataclass
class ModelConfig:
    """Which encoder, and how it is trained."""

    name: str = MISSING
    checkpoint: str | None = None
    shape: ShapeConfig | None = None
    dropout: float | None = None
    recompute: bool = False

    def __post_init__(self) -> None:
        check_fraction(self, "model", "dropout")


@dataclass
class DataConfig:
    """Which pairs, and how long they may be."""

    name: str = MISSING
    root: str | None = None
    train_root: str | None = None
    train_languages: list[str] = field(default_factory=lambda: ["en"])
    eval_languages: list[str] = field(default_factory=lambda: list(LANGUAGES))
    max_length: int | None = 128
    limit_train: int | None = None
    limit_eval: int | None = None
    cache_dir: str = MISSING

    def __post_init__(self) -> None:
        check_languages("data.train_languages", self.train_languages)
        check_languages("data.eval_languages", self.eval_languages)
        check_positive(self, "data", "limit_train", "limit_eval")
        for key in ("root", "train_root", "cache_dir"):
            if getattr(self, key) == "":
                raise UserError(f"data.{key} is empty", "Is the variable set that was to fill it?")
        check(
            self.max_length is None or 8 <= self.max_length <= MAX_LENGTH,
            "data.max_length",
            self.max_length,
            f"from 8 to {MAX_LENGTH}, the encoder's positions",
        )


@dataclass
class OptimizerConfig:
    """How a gradient becomes a step."""

    name: str = MISSING
    learning_rate: float = MISSING
    weight_decay: float = 0.0
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    max_grad_norm: float | None = 1.0

    def __post_init__(self) -> None:
        check_name("optimizer.name", self.name, ("adamw", "adam"))
        check(self.learning_rate > 0, "optimizer.learning_rate", self.learning_rate, "above 0")
        check(self.epsilon > 0, "optimizer.epsilon", self.epsilon, "above 0")
        check_fraction(self, "optimizer", "weight_decay", "beta1", "beta2")
        norm = self.max_grad_norm
        check(norm is None or norm > 0, "optimizer.max_grad_norm", norm, "above 0, or null")
        if self.name == "adam" and self.weight_decay:
            raise UserError(
                f"optimizer.weight_decay={self.weight_decay} with optimizer=adam",
                "Adam has no decoupled decay here: take optimizer=adamw.",
            )


@dataclass
class SchedulerConfig:
    """How the learning rate moves: warm-up, then linear decay to 0 or constant."""

    name: str = MISSING
    warmup_ratio: float = 0.0

    def __post_init__(self) -> None:
        check_name("scheduler.name", self.name, ("linear", "constant"))
        check_fraction(self, "scheduler", "warmup_ratio")


@dataclass
class HardwareConfig:
    """What the machine is and what fits into it."""

    device: str = MISSING
    threads: int | None = None
    amp: Amp = Amp.none
    micro_batch_size: int | None = None
    micro_batch_tokens: int = 512
    eval_batch_tokens: int = 4096
    active_vocabulary: bool = True

    def __post_init__(self) -> None:
        check_positive(
            self, "hardware", "threads", "micro_batch_size", "micro_batch_tokens",
            "eval_batch_tokens",
        )  # fmt: skip
        if not re.fullmatch(r"cpu|gpu(:\d+)?", self.device):
            raise UserError(f"hardware.device={self.device}", "It must be cpu, gpu or gpu:N.")
        if self.device == "cpu" and self.amp is not Amp.none:
            raise UserError(
                f"hardware.amp={self.amp.value} on a CPU",
                "Paddle has no half-precision kernels for CPUs: set hardware.amp=none, "
                "or take hardware=gpu_bf16 or gpu_fp16.",
            )


@dataclass
class TrainerConfig:
    """How long to train, how often to look, what to keep."""

    effective_batch_size: int = 256
    max_steps: int | None = None
    epochs: int = 5
    eval_every: int = 500
    eval_limit: int | None = None
    log_every: int = 10
    save_every: int | None = None
    keep_checkpoints: int = 1
    select_on: SelectOn = SelectOn.dev_average
    patience: int | None = None

    def __post_init__(self) -> None:
        check_positive(
            self, "trainer", "effective_batch_size", "max_steps", "epochs", "eval_every",
            "eval_limit", "log_every", "save_every", "patience",
        )  # fmt: skip
        check(
            self.keep_checkpoints >= 0, "trainer.keep_checkpoints", self.keep_checkpoints,
            "0 or more",
        )  # fmt: skip


@dataclass
class TrainConfig:
    """``infoxlm train``."""

    name: str = "default"
    seed: int = 42
    model: ModelConfig = MISSING
    data: DataConfig = MISSING
    optimizer: OptimizerConfig = MISSING
    scheduler: SchedulerConfig = MISSING
    hardware: HardwareConfig = MISSING
    trainer: TrainerConfig = field(default_factory=TrainerConfig)

    def __post_init__(self) -> None:
        check(self.data.max_length is not None, "data.max_length", None, "a number of tokens")
        check(0 <= self.seed < 2**31, "seed", self.seed, "from 0 to 2147483647")
        if self.trainer.select_on is SelectOn.dev_en and "en" not in self.data.eval_languages:
            raise UserError(
                "trainer.select_on=dev_en, but data.eval_languages has no en",
                "Add en to data.eval_languages or set trainer.select_on=dev_average.",
            )


@dataclass
class EvaluateConfig:
    """``infoxlm evaluate``."""

    name: str = "default"
    split: str = "test"
    model: ModelConfig = MISSING
    data: DataConfig = MISSING
    hardware: HardwareConfig = MISSING

    def __post_init__(self) -> None:
        check_name("split", self.split, ("dev", "test"))


@dataclass
class ConvertConfig:
    """``infoxlm convert``."""

    source: str = MISSING
    target: str = MISSING
    direction: Direction = Direction.to_paddle
    verify: bool = False
    overwrite: bool = False
    cache_dir: str = MISSING
    threads: int | None = None

    def __post_init__(self) -> None:
        check(self.threads is None or self.threads >= 1, "threads", self.threads, "1 or more")


@dataclass
class DashboardConfig:
    """``infoxlm dashboard``."""

    folder: str = "outputs"
    host: str = "127.0.0.1"
    port: int = 8040

    def __post_init__(self) -> None:
        check(1 <= self.port <= 65535, "port", self.port, "from 1 to 65535")


#: The schema of each command.
SCHEMAS: dict[str, type] = {
    "train": TrainConfig,
    "evaluate": EvaluateConfig,
    "convert": ConvertConfig,
    "dashboard": DashboardConfig,
}


def register_schemas() -> None:
    """Tell Hydra the schemas, as ``<command>_schema`` for the commands' defaults lists."""
    from hydra.core.config_store import ConfigStore

    store = ConfigStore.instance()
    for command, schema in SCHEMAS.items():
        store.store(name=f"{command}_schema", node=schema)
