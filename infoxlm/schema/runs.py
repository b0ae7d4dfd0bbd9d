"""``infoxlm dashboard``, ``report``, ``compare`` and ``repeat``: commands on finished runs."""

from dataclasses import dataclass

from omegaconf import MISSING

from infoxlm.schema.checks import check


@dataclass
class DashboardConfig:
    """``infoxlm dashboard``."""

    folder: str = "outputs"
    host: str = "127.0.0.1"
    port: int = 8040

    def __post_init__(self) -> None:
        check(1 <= self.port <= 65535, "port", self.port, "from 1 to 65535")


@dataclass
class ReportConfig:
    """``infoxlm report``."""

    folder: str = MISSING


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
    train_files: list[str] | None = None
    dev_root: str | None = None
    mono: list[str] | None = None
    parallel: list[str] | None = None
    eval_pairs: str | None = None
    checkpoint: str | None = None
    teacher: str | None = None
    dictionaries: str | None = None
    cache_dir: str = MISSING
