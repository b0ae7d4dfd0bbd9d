"""This process's rank among the processes of a run, read from its environment."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from infoxlm.constants import TRAINING
from infoxlm.errors import UserError


@dataclass(frozen=True)
class ProcessInfo:
    """The place of a process among those of its run.

    Attributes:
        rank: Its number; 0 is the one that writes and tells.
        size: How many there are.
        local_size: How many of them are on this machine.
    """

    rank: int = 0
    size: int = 1
    local_size: int = 1

    @classmethod
    def of_this_process(cls) -> "ProcessInfo":
        """Read what ``paddle.distributed.launch``, or our own start, wrote into the environment."""
        size = int(os.environ.get("PADDLE_TRAINERS_NUM") or 1)
        if size == 1:
            return cls()
        local_size = int(os.environ.get("PADDLE_LOCAL_SIZE") or size)
        return cls(int(os.environ["PADDLE_TRAINER_ID"]), size, local_size)

    def environment(self, address: str, device: str) -> Mapping[str, str]:
        """The environment variables that Paddle needs in the process of this rank.

        Args:
            address: Where rank 0 waits for the others, host:port.
            device: cpu, where Gloo exchanges, or gpu, where NCCL does.
        """
        host, _, port = address.rpartition(":")
        # Only compared and counted, no process listens there.
        endpoints = [f"{host}:{(int(port) + 1 + rank) % 65536}" for rank in range(self.size)]
        found = {
            "PADDLE_MASTER": address,
            "PADDLE_TRAINER_ID": str(self.rank),
            "PADDLE_TRAINERS_NUM": str(self.size),
            "PADDLE_LOCAL_SIZE": str(self.local_size),
            "PADDLE_CURRENT_ENDPOINT": endpoints[self.rank],
            "PADDLE_TRAINER_ENDPOINTS": ",".join(endpoints),
        }
        if device == "cpu":
            return found | {"PADDLE_DISTRI_BACKEND": "gloo"}
        return found | {"PADDLE_DISTRI_BACKEND": "nccl", "FLAGS_selected_gpus": str(self.rank)}


def check_devices(command: str, devices: int) -> None:
    """Refuse several devices, or a launch of several processes, for what computes on one.

    Raises:
        UserError: The command trains nothing.
    """
    if command not in TRAINING and (devices > 1 or ProcessInfo.of_this_process().size > 1):
        raise UserError(
            f"infoxlm {command} on several devices",
            f"Only infoxlm {' and '.join(TRAINING)} compute on more than one.",
        )


def words_of_rank(words: Sequence[str], rank: int) -> list[str]:
    """A command line as a rank reads it: only rank 0 has a folder and shows messages."""
    if rank == 0:
        return list(words)
    kept = [word for word in words if not word.startswith("hydra.run.dir=")]
    return [
        *kept, "hydra/output=none", "hydra.output_subdir=null", "hydra/job_logging=terminal",
        "hydra.job_logging.root.level=ERROR",
    ]  # fmt: skip
