"""``infoxlm evaluate`` and ``infoxlm retrieve``: commands that score a checkpoint."""

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

from infoxlm.constants import MAX_LENGTH, MIN_LENGTH
from infoxlm.errors import UserError
from infoxlm.schema.checks import check, check_languages, check_name, check_positive
from infoxlm.schema.choices import Amp, Pooling, Similarity
from infoxlm.schema.free_text import literal
from infoxlm.schema.groups import DataConfig, HardwareConfig, ModelConfig
from infoxlm.schema.task import TaskConfig


@dataclass
class EvaluateConfig:
    """``infoxlm evaluate``."""

    name: str = "default"
    split: str = "test"
    static_graph: bool | None = None
    task: TaskConfig = field(default_factory=TaskConfig)
    model: ModelConfig = MISSING
    data: DataConfig = MISSING
    hardware: HardwareConfig = MISSING

    def __post_init__(self) -> None:
        self.model.check_no_new_head()
        check_name("split", self.split, ("dev", "test"))
        if self.static_graph and self.hardware.device != "cpu":
            raise UserError(
                f"static_graph=true with hardware.device={self.hardware.device}",
                "Leave it out: it is for CPUs.",
            )
        if self.static_graph and self.hardware.amp is not Amp.none:
            raise UserError(
                f"static_graph=true with hardware.amp={self.hardware.amp.value}",
                "Leave it out: without it the model is as fast, and computes in that precision.",
            )


@dataclass
class TatoebaConfig:
    """The aligned sentences, and how long they may be."""

    name: str = MISSING
    root: str | None = None
    languages: list[str] = MISSING
    max_length: int = MAX_LENGTH
    limit: int | None = None
    cache_dir: str = MISSING
    cache_limit_gb: float = 10.0

    def __post_init__(self) -> None:
        check_languages("data.languages", self.languages)
        for english in ("en", "eng"):
            if english in self.languages:
                raise UserError(
                    f"data.languages: {english!r} is what the others are aligned with",
                    "Leave it out.",
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
        self.model.check_no_new_head()
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
