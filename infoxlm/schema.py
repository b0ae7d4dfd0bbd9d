"""The dataclasses that every configuration is checked against.

Hydra refuses unknown keys and wrong types while it composes; what a type cannot say (ranges,
languages, combinations) is checked when the composed configuration becomes these objects.
"""

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from omegaconf import MISSING

from infoxlm.checks import (
    check,
    check_above_zero,
    check_fraction,
    check_languages,
    check_name,
    check_positive,
    check_threads,
)
from infoxlm.constants import (
    LANGUAGES,
    MAX_LAYER_NORM_EPSILON,
    MAX_LENGTH,
    MIN_LENGTH,
    TATOEBA_CODES,
)
from infoxlm.errors import UserError
from infoxlm.free_text import FREE_TEXTS, literal


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


class ExportFormat(Enum):
    """What ``infoxlm export`` writes: Paddle's static model alone, or ONNX as well."""

    paddle = "paddle"
    onnx = "onnx"


class ExportPrecision(Enum):
    """How an exported model stores its weights; the ranges of int8 are dynamic or static."""

    fp32 = "fp32"
    fp16 = "fp16"
    int8_dynamic = "int8_dynamic"
    int8_static = "int8_static"


class RuntimeName(Enum):
    """What runs a model."""

    paddle = "paddle"
    onnx = "onnx"


class OnError(Enum):
    """What a row that cannot be read means to ``infoxlm predict``."""

    skip = "skip"
    stop = "stop"


class Pooling(Enum):
    """How the states of a sentence's tokens become one vector."""

    mean = "mean"
    cls = "cls"


class Similarity(Enum):
    """What the nearest sentence is nearest by."""

    cosine = "cosine"
    margin = "margin"


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
        check(
            self.hidden_size % self.num_attention_heads == 0, "model.shape.num_attention_heads",
            self.num_attention_heads, f"a divisor of model.shape.hidden_size={self.hidden_size}",
        )  # fmt: skip
        check(
            0 < self.layer_norm_eps <= MAX_LAYER_NORM_EPSILON, "model.shape.layer_norm_eps",
            self.layer_norm_eps, f"above 0 and at most {MAX_LAYER_NORM_EPSILON}",
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
        check(
            self.max_length is None or MIN_LENGTH <= self.max_length <= MAX_LENGTH,
            "data.max_length",
            self.max_length,
            f"from {MIN_LENGTH} to {MAX_LENGTH}, the encoder's positions",
        )


@dataclass
class TatoebaConfig:
    """Which aligned sentences, and how long they may be."""

    name: str = MISSING
    root: str | None = None
    languages: list[str] = field(default_factory=lambda: list(TATOEBA_CODES))
    max_length: int = MAX_LENGTH
    limit: int | None = None
    cache_dir: str = MISSING
    cache_limit_gb: float = 10.0

    def __post_init__(self) -> None:
        check_languages("data.languages", self.languages)
        if "en" in self.languages:
            raise UserError(
                "data.languages: 'en' is what the others are aligned with", "Leave it out."
            )
        check_positive(self, "data", "limit")
        check(
            MIN_LENGTH <= self.max_length <= MAX_LENGTH,
            "data.max_length",
            self.max_length,
            f"from {MIN_LENGTH} to {MAX_LENGTH}, the encoder's positions",
        )
        check(self.cache_limit_gb >= 0, "data.cache_limit_gb", self.cache_limit_gb, "0 or more")


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
        check_above_zero(self, "optimizer", "learning_rate", "epsilon", "max_grad_norm")
        check_fraction(self, "optimizer", "weight_decay", "beta1", "beta2")
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
            self, "hardware", "micro_batch_size", "micro_batch_tokens", "eval_batch_tokens"
        )
        check_threads("hardware.threads", self.threads)
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
        check(self.data.max_length is not None, "data.max_length", "null", "a number of tokens")
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
class RetrieveConfig:
    """``infoxlm retrieve``."""

    name: str = "default"
    layer: Any = 7
    pooling: Pooling = Pooling.mean
    special_tokens: bool = True
    similarity: Similarity = Similarity.cosine
    neighbours: int = 4
    prefix: str = ""
    shown_pairs: int = 16
    model: ModelConfig = MISSING
    data: TatoebaConfig = MISSING
    hardware: HardwareConfig = MISSING

    def __post_init__(self) -> None:
        self.prefix = literal(self.prefix)
        numbers = self.layer if isinstance(self.layer, list) else [self.layer]
        whole = all(type(number) is int and number >= 0 for number in numbers)
        check(
            self.layer == "all" or (whole and len(numbers) == len(set(numbers)) > 0),
            "layer",
            self.layer,
            "a number from 0 (the embeddings), a list such as [0,7] with each number once, or all",
        )
        check(self.neighbours >= 1, "neighbours", self.neighbours, "1 or more")
        check(self.shown_pairs >= 0, "shown_pairs", self.shown_pairs, "0 or more")
        if self.pooling is Pooling.cls and not self.special_tokens:
            raise UserError(
                "pooling=cls with special_tokens=false: <s> is a special token",
                "Take pooling=mean, or special_tokens=true.",
            )


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
        check_threads("threads", self.threads)


@dataclass
class ExportConfig:
    """``infoxlm export``."""

    target: str = MISSING
    format: ExportFormat = ExportFormat.paddle
    precision: ExportPrecision = ExportPrecision.fp32
    max_length: int | None = None
    overwrite: bool = False
    threads: int | None = None
    cache_dir: str = MISSING
    model: ModelConfig = MISSING

    def __post_init__(self) -> None:
        check_threads("threads", self.threads)
        if self.precision.value.startswith("int8") and self.format is not ExportFormat.onnx:
            raise UserError(
                f"precision={self.precision.value} with format={self.format.value}",
                "8-bit models are ONNX Runtime's: add format=onnx.",
            )


@dataclass
class PredictConfig:
    """``infoxlm predict``."""

    text: str | None = None
    premise: str | None = None
    hypothesis: str | None = None
    input: str | None = None
    output: str | None = None
    on_error: OnError = OnError.skip
    overwrite: bool = False
    labels: list[str] = field(default_factory=list)
    template: str = "This example is {}."
    multi_label: bool = False
    runtime: RuntimeName | None = None
    max_length: int | None = None
    cache_dir: str = MISSING
    model: ModelConfig = MISSING
    hardware: HardwareConfig = MISSING

    def __post_init__(self) -> None:
        for key in FREE_TEXTS["predict"]:
            if (value := getattr(self, key)) is not None:
                setattr(self, key, literal(value))
        self.labels = [literal(label) for label in self.labels]
        sources = {"text": self.text, "input": self.input, "premise": self.premise}
        given = [key for key, value in sources.items() if value is not None]
        if (self.premise is None) != (self.hypothesis is None):
            raise UserError("premise and hypothesis belong together", "Give both.")
        if len(given) != 1:
            raise UserError(
                f"{' and '.join(given) or 'nothing'} to predict on",
                'Give one of text="PREMISE<sep>HYPOTHESIS", premise=... with hypothesis=..., '
                "and input=FILE.",
            )
        if self.labels and self.premise is not None:
            raise UserError(
                "labels with premise and hypothesis",
                "Classify one text: give text=... or input=FILE.",
            )


@dataclass
class DashboardConfig:
    """``infoxlm dashboard``."""

    folder: str = "outputs"
    host: str = "127.0.0.1"
    port: int = 8040

    def __post_init__(self) -> None:
        check(1 <= self.port <= 65535, "port", self.port, "from 1 to 65535")


@dataclass
class CompareConfig:
    """``infoxlm compare``."""

    run_a: str = MISSING
    run_b: str = MISSING
    name: str = "default"


@dataclass
class RepeatConfig:
    """``infoxlm repeat``."""

    run: str = MISSING
    name: str = "default"
    data_root: str | None = None
    train_root: str | None = None
    checkpoint: str | None = None
    cache_dir: str | None = None


#: The schema of each command.
SCHEMAS: dict[str, type] = {
    "train": TrainConfig,
    "evaluate": EvaluateConfig,
    "retrieve": RetrieveConfig,
    "convert": ConvertConfig,
    "export": ExportConfig,
    "predict": PredictConfig,
    "dashboard": DashboardConfig,
    "compare": CompareConfig,
    "repeat": RepeatConfig,
}


def register_schemas() -> None:
    """Tell Hydra the schemas, as ``<command>_schema`` for the commands' defaults lists."""
    from hydra.core.config_store import ConfigStore

    store = ConfigStore.instance()
    for command, schema in SCHEMAS.items():
        store.store(name=f"{command}_schema", node=schema)
