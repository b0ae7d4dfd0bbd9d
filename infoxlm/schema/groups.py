"""The groups that several commands are composed of: model, data, hardware."""

import re
from dataclasses import dataclass, field

from omegaconf import MISSING

from infoxlm.constants import MAX_LAYER_NORM_EPSILON, MAX_LENGTH, MIN_LENGTH
from infoxlm.errors import UserError
from infoxlm.schema.checks import (
    check,
    check_amp,
    check_fraction,
    check_labels,
    check_languages,
    check_positive,
    check_threads,
)  # fmt: skip
from infoxlm.schema.choices import Amp


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
    """The encoder, and how it is trained."""

    name: str = MISSING
    checkpoint: str | None = None
    shape: ShapeConfig | None = None
    dropout: float | None = None
    recompute: bool = False
    new_head: bool = False

    def __post_init__(self) -> None:
        check_fraction(self, "model", "dropout")

    def check_no_new_head(self) -> None:
        """Check that no head is to be drawn where a model is used as it is.

        Raises:
            UserError: ``new_head`` is set.
        """
        if self.new_head:
            raise UserError(
                "model.new_head=true outside of training",
                "Leave it out: a head that was just drawn knows nothing.",
            )


@dataclass
class DataConfig:
    """The examples, and how long they may be.

    Which labels and languages there are, the data set of this name knows: ``data/dataset.py``.
    ``train_files`` and ``dev_root`` are for question answering alone.
    """

    name: str = MISSING
    root: str | None = None
    train_root: str | None = None
    train_files: list[str] | None = None
    dev_root: str | None = None
    languages: list[str] | None = None
    train_languages: list[str] = field(default_factory=lambda: ["en"])
    eval_languages: list[str] = field(default_factory=lambda: ["en"])
    max_length: int | None = 128
    limit_train: int | None = None
    limit_eval: int | None = None
    labels: list[str] | None = None
    cache_dir: str = MISSING

    def __post_init__(self) -> None:
        if self.languages is not None:
            check_languages("data.languages", self.languages)
        check_languages("data.train_languages", self.train_languages)
        check_languages("data.eval_languages", self.eval_languages)
        check_positive(self, "data", "limit_train", "limit_eval")
        if self.labels is not None:
            check_labels("data.labels", self.labels)
        check(
            self.max_length is None or MIN_LENGTH <= self.max_length <= MAX_LENGTH,
            "data.max_length",
            self.max_length,
            f"from {MIN_LENGTH} to {MAX_LENGTH}, the encoder's positions",
        )


@dataclass
class HardwareConfig:
    """The machine and what fits into it."""

    device: str = MISSING
    devices: int = 1
    threads: int | None = None
    amp: Amp = Amp.none
    micro_batch_size: int | None = None
    micro_batch_tokens: int = 768
    eval_batch_tokens: int = 1536
    active_vocabulary: bool = True
    profile: bool = False

    def __post_init__(self) -> None:
        check_positive(
            self,
            "hardware",
            "micro_batch_size",
            "micro_batch_tokens",
            "eval_batch_tokens",
        )
        check_threads("hardware.threads", self.threads)
        check_threads("hardware.devices", self.devices)
        if not re.fullmatch(r"cpu|gpu(:\d+)?", self.device):
            raise UserError(f"hardware.device={self.device}", "It must be cpu, gpu or gpu:N.")
        if self.devices > 1 and ":" in self.device:
            raise UserError(
                f"hardware.device={self.device} with hardware.devices={self.devices}",
                "Take hardware.device=gpu; CUDA_VISIBLE_DEVICES says which.",
            )
        check_amp(self.device, self.amp)
