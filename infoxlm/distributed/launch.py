"""Starts the ranks of a run on this machine, waits for them, and tells what came of them."""

import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import FrameType
from typing import Any

from infoxlm.distributed.worker import Ending, Outcome, Work, run_rank
from infoxlm.errors import UserError
from infoxlm.hardware.place import ProcessInfo
from infoxlm.schema import HardwareConfig
from infoxlm.stopping import REQUESTS, Interrupted

#: Seconds that rank 0 has to notice that another has ended, and to save.
TO_SAVE = 30.0

#: Seconds that the others have when rank 0 has ended: they have nothing to save.
TO_END = 3.0


class StartedRank:
    """A rank's process.

    Args:
        process: The process, started.
        report: Where its outcome arrives.

    Attributes:
        given_up: Whether it was killed because others were gone.
    """

    def __init__(self, process: SpawnProcess, report: Connection) -> None:
        self.process = process
        self._report = report
        self.given_up = False

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.process.is_alive()

    def give_up(self) -> None:
        """Kill it, if it has not ended: it waits for ranks that are gone."""
        if self.running:
            self.given_up = True
            self.process.kill()

    def outcome(self, rank: int) -> Outcome:
        """The outcome of a rank that has ended."""
        with suppress(EOFError):  # the pipe's other end was closed with nothing in it
            return self._report.recv()
        code = self.process.exitcode or 0
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended, code {code}"
        return Outcome(Ending.died, problem=f"rank {rank} {how}")


def run_ranks(work: Work, config: Any, hardware: HardwareConfig, folder: Path) -> float | None:
    """Run a command in as many processes as ``hardware.devices`` says.

    Args:
        work: What each process does.
        config: The run's configuration.
        hardware: How many processes, and what each computes with.
        folder: The run's folder.

    Returns:
        What the run returned.

    Raises:
        UserError: A rank met a mistake, or died.
        Interrupted: The user wanted an end; everything is saved.
    """
    check_single_job(hardware)
    ranks = start(work, config, hardware, folder)
    with signals_passed_on(ranks):
        wait_for(ranks)
    outcomes = [started.outcome(rank) for rank, started in enumerate(ranks) if not started.given_up]
    if not ranks[0].given_up and outcomes[0].ending is Ending.finished:
        return outcomes[0].value
    first = min(outcomes, key=lambda outcome: outcome.ending)
    if first.ending is Ending.interrupted:
        raise Interrupted(first.problem, first.signal_number)
    if first.ending is Ending.crashed:
        raise RuntimeError(f"a rank failed:\n{first.problem}")
    lost = next((outcome for outcome in outcomes if outcome.ending is Ending.lost), None)
    remedy = first.remedy or (lost.remedy if lost else "")
    raise UserError(first.problem, remedy or "Give the same command with trainer.resume=auto.")


def check_single_job(hardware: HardwareConfig) -> None:
    """Check that no other jobs run at once, each of which would want several devices.

    Raises:
        UserError: They are wanted.
    """
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    if HydraConfig.initialized() and HydraConfig.get().mode is RunMode.MULTIRUN:
        launcher = HydraConfig.get().launcher["_target_"].rpartition(".")[2]
        if launcher != "BasicLauncher":
            raise UserError(
                f"hardware.devices={hardware.devices} in a sweep with {launcher}",
                "Leave +launcher out, so that one job runs at a time, or hardware.devices.",
            )


def start(work: Work, config: Any, hardware: HardwareConfig, folder: Path) -> list[StartedRank]:
    """Start the ranks, each with its share of the cores."""
    context = multiprocessing.get_context("spawn")
    size, device = hardware.devices, hardware.device
    address = f"127.0.0.1:{free_port()}"
    # Already in the environment: what one process would take.
    cores = int(os.environ.get("OMP_NUM_THREADS") or 1)
    threads = hardware.threads or max(1, cores // size)
    ranks = []
    for rank in range(size):
        report, theirs = context.Pipe(duplex=False)
        words = (work, config, folder, rank, None if rank else job_logging(), theirs)
        process = context.Process(target=run_rank, args=words, daemon=True)
        place = ProcessInfo(rank, size, size).environment(address, device)
        quiet = {"GLOG_minloglevel": "2"}  # it tells of each connection
        with environment({**place, **quiet, "OMP_NUM_THREADS": str(threads)}):
            process.start()
        theirs.close()
        ranks.append(StartedRank(process, report))
    return ranks


def wait_for(ranks: list[StartedRank]) -> None:
    """Wait until all ranks have ended; those that would wait for one that is gone are killed."""
    deadline, saving = float("inf"), True
    while any(started.running for started in ranks):
        waiting = [started.process.sentinel for started in ranks if started.running]
        wait(waiting, timeout=min(1.0, max(0.0, deadline - time.monotonic())))
        gone = [started for started in ranks if not started.running]
        if deadline == float("inf") and any(started.process.exitcode for started in gone):
            deadline = time.monotonic() + TO_SAVE
        if saving and not ranks[0].running:
            saving, deadline = False, min(deadline, time.monotonic() + TO_END)
        if time.monotonic() >= deadline:
            for started in ranks:
                started.give_up()


@contextmanager
def signals_passed_on(ranks: list[StartedRank]) -> Iterator[None]:
    """Pass what asks for a stop on to all ranks while the block lasts: they stop together."""

    def pass_on(number: int, frame: FrameType | None) -> None:
        for started in ranks:
            if started.running:
                os.kill(started.process.pid or 0, number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {x: signal.signal(x, pass_on) for x in REQUESTS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def environment(changes: Mapping[str, str]) -> Iterator[None]:
    """Have variables in the environment, for a process to be started with, while it lasts."""
    before = dict(os.environ)
    os.environ.update(changes)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def job_logging() -> dict[str, Any] | None:
    """Hydra's logging configuration in this process; None when it set none up."""
    from hydra.core.hydra_config import HydraConfig
    from omegaconf import OmegaConf

    # What merely composed a configuration leaves Hydra's own behind, without a folder.
    if not HydraConfig.initialized() or OmegaConf.is_missing(
        HydraConfig.get().runtime, "output_dir"
    ):
        return None
    return OmegaConf.to_container(HydraConfig.get().job_logging, resolve=True)  # type: ignore[return-value]


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])
