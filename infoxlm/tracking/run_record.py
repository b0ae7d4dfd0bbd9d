"""run.json: what one needs to know to repeat a run, beside its configuration."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from infoxlm import __version__
from infoxlm.atomic import atomic_path

#: Distributions whose versions decide results.
_PACKAGES = (
    "paddlepaddle", "paddlepaddle-gpu", "paddlenlp", "visualdl", "hydra-core", "omegaconf",
    "sentencepiece", "numpy", "safetensors", "torch", "transformers",
)  # fmt: skip


def run_record(*, seed: int | None, device: str | None, data: Mapping[str, str]) -> dict[str, Any]:
    """Describe this process: versions, machine and inputs. Does not import any of the packages.

    Args:
        seed: The run's seed.
        device: Where it computes, such as "cpu" or "gpu:0".
        data: SHA-256 by data file, such as {"xnli/test/en.tsv": "ab12..."}.
    """
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": sys.argv,
        "version": __version__,
        "git": _git_state(Path(__file__).parents[1]),
        "packages": {name: found for name in _PACKAGES if (found := _version(name))},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": {"name": _cpu_name(), "cores": os.cpu_count()},
        "device": device,
        "seed": seed,
        "data": dict(data),
    }


def write_run_record(
    path: str | Path, *, seed: int | None, device: str | None, data: Mapping[str, str]
) -> None:
    """Write `run_record` as JSON."""
    record = run_record(seed=seed, device=device, data=data)
    with atomic_path(path) as temporary:
        text = json.dumps(record, indent=2, ensure_ascii=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _git_state(package: Path) -> dict[str, str | bool] | None:
    """Commit of the checkout the package runs from, and whether its sources differ from that.

    None when the package is installed, even inside of some other project's checkout.
    """
    try:
        _git(package, "ls-files", "--error-unmatch", "constants.py")
        commit = _git(package, "rev-parse", "HEAD").strip()
        changes = _git(package, "status", "--porcelain", "--", ".", "../conf")
    except (OSError, subprocess.SubprocessError):
        return None
    return {"commit": commit, "dirty": bool(changes)}


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=folder, check=True, capture_output=True, text=True, timeout=30
    ).stdout


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
