"""Provenance of a process: code, packages, machine. Imports none of the packages."""

import hashlib
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from infoxlm import __version__

#: Distributions whose versions decide results.
PACKAGES = (
    "paddlepaddle", "paddlepaddle-gpu", "paddlenlp", "visualdl", "hydra-core", "omegaconf",
    "sentencepiece", "numpy", "safetensors", "torch", "transformers",
)  # fmt: skip

#: Environment variables that decide which kernels compute and on how many threads.
VARIABLES = (
    "OMP_NUM_THREADS", "MKL_NUM_THREADS", "MKL_DEBUG_CPU_TYPE", "CUDA_VISIBLE_DEVICES",
    "INFOXLM_COMPILED",
)  # fmt: skip


def describe_process() -> dict[str, Any]:
    """Code, packages, machine, and the environment that kernels heed."""
    package = Path(__file__).parents[1]
    return {
        "version": __version__,
        "git": git_state(package),
        "code": code_checksum(package),
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": {"name": _cpu_name(), "cores": os.cpu_count()},
        "memory": {"total_mb": _memory_mb()},
        "environment": {
            name: value
            for name, value in sorted(os.environ.items())
            if name in VARIABLES or name.startswith("FLAGS_")  # Paddle's own
        },
    }


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def code_checksum(package: Path) -> str:
    """SHA-256 over the names and contents of a package's Python and C files.

    It tells two states of the code apart where a commit does not: changes that are not committed,
    and an installation without git.
    """
    digest = hashlib.sha256()
    for path in sorted([*package.rglob("*.py"), *package.rglob("*.c")]):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(package).as_posix()} {content}\n".encode())
    return digest.hexdigest()


def git_state(package: Path) -> dict[str, str | bool] | None:
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


def _memory_mb() -> int | None:
    """The machine's memory; None where the system does not tell."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    except (AttributeError, OSError, ValueError):
        return None
