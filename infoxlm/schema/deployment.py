"""``infoxlm convert``, ``export``, ``predict`` and ``serve``: commands on trained models."""

from dataclasses import dataclass, field

from omegaconf import MISSING

from infoxlm.errors import UserError
from infoxlm.schema.checks import check, check_threads
from infoxlm.schema.choices import Direction, ExportFormat, ExportPrecision, OnError, RuntimeName
from infoxlm.schema.free_text import FREE_TEXTS, literal
from infoxlm.schema.groups import HardwareConfig, ModelConfig


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
        self.model.check_no_new_head()
        if self.precision.value.startswith("int8") and self.format is not ExportFormat.onnx:
            raise UserError(
                f"precision={self.precision.value} with format={self.format.value}",
                "8-bit models are ONNX Runtime's: add format=onnx.",
            )


#: What texts may be typed as, apart from `text`: the fields of a task belong together.
TYPED_FIELDS = (("premise", "hypothesis"), ("question", "context"))


@dataclass
class PredictConfig:
    """``infoxlm predict``."""

    text: str | None = None
    premise: str | None = None
    hypothesis: str | None = None
    question: str | None = None
    context: str | None = None
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
        self.model.check_no_new_head()
        for key in FREE_TEXTS["predict"]:
            if (value := getattr(self, key)) is not None:
                setattr(self, key, literal(value))
        self.labels = [literal(label) for label in self.labels]
        given = [key for key in ("text", "input") if getattr(self, key) is not None]
        for fields in TYPED_FIELDS:
            typed = [key for key in fields if getattr(self, key) is not None]
            if typed and len(typed) < len(fields):
                raise UserError(f"{' and '.join(fields)} belong together", "Give both.")
            if typed and self.labels:
                raise UserError(
                    f"labels with {' and '.join(fields)}",
                    "Classify one text: give text=... or input=FILE.",
                )
            given += typed[:1]
        if len(given) != 1:
            pairs = (" with ".join(f"{key}=..." for key in fields) for fields in TYPED_FIELDS)
            raise UserError(
                f"{' and '.join(given) or 'nothing'} to predict on",
                f'Give one of text="PREMISE<sep>HYPOTHESIS", {", ".join(pairs)}, and input=FILE.',
            )


@dataclass
class ServeConfig:
    """``infoxlm serve``."""

    host: str = "127.0.0.1"
    port: int = 8000
    api_key: str | None = None
    workers: int = 1
    batch_tokens: int = 1024
    waiting_pairs: int = 1024
    request_pairs: int = 256
    text_characters: int = 10_000
    body_bytes: int = 1 << 20
    timeout: float = 30.0
    connections: int = 1024
    client_connections: int = 256
    head_timeout: float = 10.0
    body_timeout: float = 30.0
    idle_timeout: float = 75.0
    access_log: bool = False
    runtime: RuntimeName | None = None
    max_length: int | None = None
    cache_dir: str = MISSING
    model: ModelConfig = MISSING
    hardware: HardwareConfig = MISSING

    def __post_init__(self) -> None:
        self.model.check_no_new_head()
        check(0 <= self.port <= 65535, "port", self.port, "from 0, any that is free, to 65535")
        for key in (
            "workers", "batch_tokens", "request_pairs", "text_characters", "body_bytes",
            "connections", "client_connections",
        ):  # fmt: skip
            check(getattr(self, key) >= 1, key, getattr(self, key), "1 or more")
        check(
            self.waiting_pairs >= self.request_pairs, "waiting_pairs", self.waiting_pairs,
            f"at least request_pairs={self.request_pairs}",
        )  # fmt: skip
        for key in ("timeout", "head_timeout", "body_timeout", "idle_timeout"):
            seconds = getattr(self, key)
            check(0 < seconds < float("inf"), key, seconds, "above 0 and finite")
        if self.api_key is not None:
            self.api_key = literal(self.api_key)
            readable = self.api_key.isascii() and self.api_key.isprintable()
            if not readable or not self.api_key.strip() or self.api_key != self.api_key.strip():
                raise UserError(
                    "api_key is empty, or has characters that no header can carry",
                    "Take printable ASCII without spaces around it.",
                )
