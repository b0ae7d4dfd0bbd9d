"""Threads of each job, when several run at once on a machine."""

from collections.abc import Mapping
from typing import Any

from infoxlm.hardware.environment import available_cores


def launcher_of(config: Mapping[str, Any]) -> str:
    """The class of a launcher's configuration: "JoblibLauncher", "SlurmLauncher", ..."""
    return str(config["_target_"]).rpartition(".")[2]


def jobs_at_once(config: Mapping[str, Any], jobs: int) -> int:
    """The number of `jobs` that a launcher runs at a time on this machine.

    Args:
        config: The launcher's configuration; joblib's -1 stands for a job a core.
        jobs: The number of jobs that it is given.
    """
    kind = launcher_of(config)
    if kind == "JoblibLauncher":
        wanted = config["n_jobs"] or 1
        # joblib's own rule: -2 is one less than all cores.
        wanted = wanted if wanted > 0 else max(1, available_cores() + 1 + wanted)
        return min(wanted, jobs)
    return jobs if kind == "LocalLauncher" else 1


def threads_of_a_job(config: Mapping[str, Any], jobs: int) -> int | None:
    """Threads for each of a launcher's jobs; None: all that the job finds where it runs.

    Cores are divided among jobs that share this machine. A cluster is asked for cores by the
    launcher's configuration, and its jobs take what was asked for.
    """
    kind = launcher_of(config)
    if kind == "RayLauncher":
        return max(1, int(config["ray"]["remote"].get("num_cpus") or 1))
    if kind == "SlurmLauncher":
        return config.get("cpus_per_task")
    at_once = jobs_at_once(config, jobs)
    return None if at_once == 1 else max(1, available_cores() // at_once)
