"""Contenders in processes of their own, given turns: what else the machine does hits all alike."""

import contextlib
import multiprocessing
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from contenders import Pair, Score, set_threads

#: Seconds between turns, after which the threads of the one before have ceased to spin.
PAUSE = 0.3


class Turn(NamedTuple):
    """Answers and time of a contender's turn.

    Attributes:
        seconds: Of each call.
        answers: The probabilities of each pair by label.
        memory: Its process's highest resident size so far, in MB.
    """

    seconds: list[float]
    answers: list[dict[str, float]]
    memory: float


class Contender:
    """A process that has loaded one contender."""

    def __init__(self, load: Callable[[], Score], threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, other = context.Pipe()
        self._process = context.Process(target=attend, args=(other, load, threads), daemon=True)
        self._process.start()
        other.close()
        self.load_seconds: float = self._connection.recv()

    def take_turn(self, calls: Sequence[Sequence[Pair]]) -> Turn:
        """Score pairs, call by call."""
        time.sleep(PAUSE)
        self._connection.send(calls)
        return self._connection.recv()

    def end(self) -> None:
        """End the process."""
        self._connection.close()
        self._process.join()


def attend(connection: Connection, load: Callable[[], Score], threads: int) -> None:
    """Load a contender and answer until the other end closes."""
    set_threads(threads)
    started = time.perf_counter()
    score = load()
    connection.send(time.perf_counter() - started)
    with contextlib.suppress(EOFError):
        while True:
            seconds, answers = [], []
            for pairs in connection.recv():
                started = time.perf_counter()
                found = score(pairs)
                seconds.append(time.perf_counter() - started)
                answers += found
            connection.send(Turn(seconds, answers, highest_memory()))


def highest_memory() -> float:
    """This process's highest resident size in MB; getrusage would count its parent's as well."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


@contextlib.contextmanager
def at_the_start(
    loads: Mapping[str, Callable[..., Score]], *arguments: Any, threads: int
) -> Iterator[dict[str, Contender]]:
    """Load all contenders, one after the other, and end them when the block does.

    Args:
        loads: What loads each.
        *arguments: What it is told.
        threads: Threads that each may use.
    """
    contenders: dict[str, Contender] = {}
    try:
        for name, load in loads.items():
            print(f"loading {name}", flush=True)
            contenders[name] = Contender(partial(load, *arguments, threads), threads)
        yield contenders
    finally:
        for contender in contenders.values():
            contender.end()


def order(names: Sequence[str], round_number: int) -> list[str]:
    """Order the contenders of a round: each round begins with another."""
    start = round_number % len(names)
    return [*names[start:], *names[:start]]


def largest_difference(
    answers: Sequence[Mapping[str, float]], expected: Sequence[Mapping[str, float]]
) -> float:
    """The largest difference of any probability."""
    return max(
        abs(found[label] - share)
        for found, right in zip(answers, expected, strict=True)
        for label, share in right.items()
    )
