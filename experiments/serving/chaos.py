"""A server that is disturbed: clients hang up, connections idle, processes are killed.

    python chaos.py --checkpoint RUN_OR_FOLDER --xnli_root $XNLI_ROOT

As in load.py clients send requests, compare every answer with the offline one, and send the next:
with nothing else going on; with a third of them hanging up on every request, idle connections next
to them, and a process that computes killed every ten seconds; and without that third, in turn, as
often as --rounds says. None of the others may lose an answer or get a wrong one. Clients and server
share the cores. Writes the section "chaos" of results.json and results.md next to this file.
"""

import argparse
import asyncio
import json
import os
import signal
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import numpy as np
import psutil
from arguments import parsed
from contenders import EXPORTED, Pair, export, paddle_inference, xnli_pairs
from load import Tally, body_of, check_answers, clients, drawn, figures, load_parser, server
from results import record
from turns import at_the_start, order

QUIET, DISTURBED = "infoxlm serve", "infoxlm serve, disturbed"

#: The most seconds after which a client hangs up, and after which it comes again: about as often as
#: the others send a request.
PATIENCE, AWAY = 0.2, 1.0

#: What the server may log meanwhile: that it starts a process again, and that idle connections
#: are closed for new ones.
MAY_LOG = (
    "a process that computes ended with code -9"
    "|a process that computes could not be started: .* ended with code -9"
    "|.* are as many as may be"
)


@dataclass
class Disturbance:
    """Disturbances next to the clients, and their counts.

    Attributes:
        url: The server's.
        pid: Its process.
        pairs: What is asked for.
        hung_up: Requests that were hung up on.
        killed: Processes that were killed.
        idle: Idle connections, those that the server closed opened again.
    """

    url: str
    pid: int
    pairs: Sequence[Pair]
    hung_up: int = 0
    killed: int = 0
    idle: int = 0

    async def hang_up(self, seed: int, until: float) -> None:
        """Send requests and close each connection before the answer is there."""
        rng = np.random.default_rng(seed)
        while time.monotonic() < until:
            body = json.dumps(body_of([self.pairs[x] for x in drawn(rng, len(self.pairs))]))
            head = (
                "POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            )
            _, writer = await self.connect()
            writer.write((head + body).encode())
            await asyncio.sleep(PATIENCE * rng.random())
            writer.close()
            self.hung_up += 1
            await asyncio.sleep(AWAY * rng.random())

    async def stay_idle(self, until: float) -> None:
        """Keep a connection open, and open another whenever the server closes it."""
        self.idle += 1
        while time.monotonic() < until:
            reader, writer = await self.connect()
            try:
                async with asyncio.timeout(until - time.monotonic()):
                    await reader.read()
            except (TimeoutError, OSError):
                pass
            writer.close()

    async def kill(self, every: float, until: float) -> None:
        """Kill the process that has computed longest, again and again."""
        while time.monotonic() + every < until:
            await asyncio.sleep(every)
            workers = [
                child
                for child in psutil.Process(self.pid).children(recursive=True)
                # Not that which has loaded the model and forks those that compute.
                if "spawn_main" in " ".join(child.cmdline()) and not child.children()
            ]
            os.kill(min(workers, key=psutil.Process.create_time).pid, signal.SIGKILL)
            self.killed += 1

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection."""
        parts = urlsplit(self.url)
        return await asyncio.open_connection(parts.hostname, parts.port)


def main() -> None:
    parser = load_parser(__doc__)
    parser.add_argument("--idle", type=int, default=400, help="idle connections")
    parser.add_argument("--kill_every", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parsed(parser)
    pairs = xnli_pairs(arguments.xnli_root, arguments.rows)
    hang_up = arguments.clients // 3
    others = arguments.clients - hang_up
    quiet_too = f"{QUIET}, {others} clients"
    sides: dict[str, list[Side]] = {QUIET: [], DISTURBED: [], quiet_too: []}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        export(Path(arguments.checkpoint), folder / EXPORTED, "fp32")
        loads = {QUIET: paddle_inference}
        with at_the_start(loads, folder, threads=arguments.threads) as contenders:
            expected = contenders[QUIET].take_turn([pairs]).answers
        asked = (folder / EXPORTED, pairs, expected, arguments)
        for number in range(arguments.rounds):
            turns = {
                QUIET: partial(quiet, *asked, arguments.clients),
                DISTURBED: partial(disturbed, *asked, hang_up),
                quiet_too: partial(quiet, *asked, others),
            }
            for side in order(list(turns), number):
                sides[side].append(turns[side]())
                print(f"{side}: {sides[side][-1].figures['pairs_per_second']:.1f}", flush=True)
    speeds = {
        side: [each.figures["pairs_per_second"] for each in turns] for side, turns in sides.items()
    }
    ratio = float(np.median(np.divide(speeds[DISTURBED], speeds[QUIET])))
    kept = ("clients", "idle", "kill_every", "seconds", "workers", "threads", "rounds")
    settings = {"hanging up": hang_up} | {name: getattr(arguments, name) for name in kept}
    bars = {f"{DISTURBED} / {QUIET}": {"ratio": ratio, "at least": 0.8}}
    merged = {side: together(turns) for side, turns in sides.items()}
    content = {"settings": settings, "sides": merged, "bars": bars, "rounds": speeds}
    record("chaos", content, arguments.out)
    check_answers(*(each.tally for turns in sides.values() for each in turns))


class Side(NamedTuple):
    """Tally and figures of one turn."""

    tally: Tally
    figures: dict[str, float]


def quiet(
    folder: Path,
    pairs: Sequence[Pair],
    expected: Sequence[dict[str, float]],
    arguments: argparse.Namespace,
    count: int,
) -> Side:
    """Let so many clients send requests to a server that nothing disturbs."""
    with server(folder, arguments.threads, arguments.workers) as (url, _):
        tally, took = clients(url, pairs, expected, count, arguments.seconds)
    return Side(tally, figures(tally, took))


def disturbed(
    folder: Path,
    pairs: Sequence[Pair],
    expected: Sequence[dict[str, float]],
    arguments: argparse.Namespace,
    hang_up: int,
) -> Side:
    """Let clients send requests while so many of them hang up, and the rest goes on as well."""
    words = (f"client_connections={arguments.idle + arguments.clients}",)
    with server(folder, arguments.threads, arguments.workers, *words, may_log=MAY_LOG) as (
        url,
        pid,
    ):
        disturbance = Disturbance(url, pid, pairs)
        beside = [
            *[partial(disturbance.hang_up, seed) for seed in range(hang_up)],
            *[disturbance.stay_idle] * arguments.idle,
            partial(disturbance.kill, arguments.kill_every),
        ]
        count = arguments.clients - hang_up
        tally, took = clients(url, pairs, expected, count, arguments.seconds, beside)
    counts = ("hung_up", "killed", "idle")
    happened = {name: getattr(disturbance, name) for name in counts}
    return Side(tally, {**figures(tally, took), **happened})


def together(turns: Sequence[Side]) -> dict[str, float]:
    """The figures of all turns of a side: what counts something summed up, medians of the rest."""
    summed = ("requests", "answered", "refused", "lost", "wrong", "hung_up", "killed")
    found = {name: [turn.figures[name] for turn in turns] for name in turns[0].figures}
    return {
        name: sum(values) if name in summed else float(np.median(values))
        for name, values in found.items()
    }


if __name__ == "__main__":
    main()
