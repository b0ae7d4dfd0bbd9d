"""A server under load: 64 clients for a minute, and again with a queue that is too short for them.

    python load.py --checkpoint RUN_OR_FOLDER --xnli_root $XNLI_ROOT

Starts `infoxlm serve` on the exported checkpoint. Each client sends a request, waits for the
answer, compares every probability with the one that offline prediction gave, and sends the next;
most requests hold one pair, some up to eight. Whoever is told 429 comes back when Retry-After says.
Offline prediction scores the same texts before and after. Clients and server share the cores.
Writes the section "load" of results.json, results.md and results.png beside this file.
"""

import argparse
import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
from arguments import parsed, parser_of
from contenders import EXPORTED, MAX_LENGTH, Pair, export, paddle_inference, xnli_pairs
from results import record
from turns import at_the_start

#: How many pairs a request holds, drawn at random.
SIZES = (1, 1, 1, 1, 1, 1, 2, 8)

#: The largest difference of a probability from the offline one.
TOLERANCE = 1e-4

OFFLINE, SERVER, SHORT = "offline", "infoxlm serve", "infoxlm serve, queue of 32"


@dataclass
class Tally:
    """Counts and times of the clients' requests.

    Attributes:
        pairs: Pairs answered.
        requests: Sent.
        answered: With 200.
        refused: With 429.
        lost: Without an answer, or with another status.
        wrong: With a probability beyond the tolerance.
        reasons: Of those that were lost, how many for which status or error.
        largest: The largest difference of a probability.
        seconds: From sending to the whole answer, of those answered.
        places: Of the pairs answered, in the list of all.
    """

    pairs: int = 0
    requests: int = 0
    answered: int = 0
    refused: int = 0
    lost: int = 0
    wrong: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    largest: float = 0.0
    seconds: list[float] = field(default_factory=list)
    places: list[int] = field(default_factory=list)


def main() -> None:
    arguments = parsed(load_parser(__doc__))
    pairs = xnli_pairs(arguments.xnli_root, arguments.rows)
    threads = arguments.threads
    loads = {OFFLINE: paddle_inference}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        export(Path(arguments.checkpoint), folder / EXPORTED, "fp32")
        offline: list[float] = []
        with at_the_start(loads, folder, threads=threads) as contenders:
            expected = contenders[OFFLINE].take_turn([pairs]).answers
            with server(folder / EXPORTED, threads, arguments.workers) as (url, _):
                tally, took = clients(url, pairs, expected, arguments.clients, arguments.seconds)
            # The same texts, as often as the clients sent them.
            same = [pairs[place] for place in tally.places]
            for _ in range(2):
                offline += contenders[OFFLINE].take_turn([same]).seconds
        with server(
            folder / EXPORTED, threads, arguments.workers, "waiting_pairs=32", "request_pairs=8"
        ) as (url, _):
            short, short_took = clients(
                url, pairs, expected, arguments.clients, arguments.seconds / 4
            )
    speed = tally.pairs / float(np.median(offline))
    sides = {
        OFFLINE: {"pairs_per_second": speed},
        SERVER: figures(tally, took),
        SHORT: figures(short, short_took),
    }
    ratio = sides[SERVER]["pairs_per_second"] / speed
    settings = {
        "clients": arguments.clients, "seconds": arguments.seconds,
        "workers": arguments.workers, "threads": threads,
    }  # fmt: skip
    bars = {f"{SERVER} / {OFFLINE}": {"ratio": ratio, "at least": 0.8}}
    record("load", {"settings": settings, "sides": sides, "bars": bars}, arguments.out)
    check_answers(tally, short)


def load_parser(text: str | None) -> argparse.ArgumentParser:
    """A parser for a script that puts a server under load."""
    parser = parser_of(text)
    parser.add_argument("--rows", type=int, default=166, help="rows a language")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--workers", type=int, default=2)
    return parser


def check_answers(*tallies: Tally) -> None:
    """End the script with an error if an answer is missing or wrong."""
    if any(each.lost or each.wrong for each in tallies):
        reasons = sum((each.reasons for each in tallies), Counter())
        sys.exit(f"requests were lost or answered wrongly: {dict(reasons)}")


def figures(tally: Tally, took: float) -> dict[str, float]:
    """Compute the figures of a tally for results.json."""
    return {
        "pairs_per_second": tally.pairs / took,
        "requests": tally.requests,
        "answered": tally.answered,
        "refused": tally.refused,
        "lost": tally.lost,
        "wrong": tally.wrong,
        "p50_ms": 1000 * float(np.percentile(tally.seconds, 50)),
        "p99_ms": 1000 * float(np.percentile(tally.seconds, 99)),
        "largest_difference": tally.largest,
    }


def drawn(rng: np.random.Generator, count: int) -> list[int]:
    """The places of one request's pairs among so many."""
    return rng.integers(0, count, rng.choice(SIZES)).tolist()


def body_of(pairs: Sequence[Pair]) -> dict[str, Any]:
    """Make the body of a request for some pairs."""
    return {
        "pairs": [{"premise": premise, "hypothesis": other} for premise, other in pairs],
        "truncate": True,
    }


@contextlib.contextmanager
def server(
    folder: Path, threads: int, workers: int, *words: str, may_log: str = "$"
) -> Iterator[tuple[str, int]]:
    """A server on a free port; gives its URL and process number, and stops it with SIGTERM.

    Args:
        folder: What it serves.
        threads: Threads of all its workers.
        workers: How many.
        *words: More configuration.
        may_log: What its lines may be, as a regular expression.
    """
    command = [
        *(sys.executable, "-m", "infoxlm", "serve", f"model.checkpoint={folder}", "port=0"),
        *(f"hardware.threads={threads}", f"workers={workers}", f"max_length={MAX_LENGTH}", *words),
    ]
    environment = {key: value for key, value in os.environ.items() if key != "INFOXLM_API_KEY"}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if found := re.search(r"served at (http://\S+) \(Ctrl-C", line):
                break
            sys.stderr.write(line)
        else:
            raise SystemExit("the server did not start")
        yield found[1], process.pid
        process.send_signal(signal.SIGTERM)
        *rest, last = process.stderr.read().splitlines()
        strange = [line for line in rest if not re.match(may_log, line)]
        stopped = process.wait(60) == 128 + signal.SIGTERM and last == "infoxlm: stopped"
        if strange or not stopped:
            raise SystemExit(f"the server ended with code {process.returncode}: {strange}, {last}")
    finally:
        process.kill()
        process.wait()


def clients(
    url: str,
    pairs: Sequence[Pair],
    expected: Sequence[dict[str, float]],
    count: int,
    seconds: float,
    beside: Sequence[Callable[[float], Awaitable[None]]] = (),
) -> tuple[Tally, float]:
    """Run the clients for some seconds, until each has its last answer; also gives the time.

    Args:
        url: The server's.
        pairs: What they ask for.
        expected: The probabilities of each.
        count: How many clients there are.
        seconds: How long they send requests.
        beside: What else goes on, until the time that it is given.
    """
    tally = Tally()

    async def client(session: aiohttp.ClientSession, seed: int, until: float) -> None:
        rng = np.random.default_rng(seed)
        while time.monotonic() < until:
            await one_request(session, drawn(rng, len(pairs)))

    async def one_request(session: aiohttp.ClientSession, places: list[int]) -> None:
        body = body_of([pairs[place] for place in places])
        tally.requests += 1
        started = time.monotonic()
        try:
            async with session.post(f"{url}/predict", json=body) as answer:
                content = await answer.json()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            tally.lost += 1
            tally.reasons[type(error).__name__] += 1
            return
        if answer.status == 429:
            tally.refused += 1
            await asyncio.sleep(int(answer.headers["Retry-After"]))
        elif answer.status != 200 or len(content["predictions"]) != len(places):
            tally.lost += 1
            tally.reasons[str(answer.status)] += 1
        else:
            tally.seconds.append(time.monotonic() - started)
            note(places, content["predictions"])

    def note(places: list[int], predictions: list[dict[str, Any]]) -> None:
        difference = max(
            abs(found["probabilities"][label] - share)
            for place, found in zip(places, predictions, strict=True)
            for label, share in expected[place].items()
        )
        tally.largest = max(tally.largest, difference)
        tally.wrong += difference > TOLERANCE
        tally.answered += 1
        tally.pairs += len(places)
        tally.places += places

    async def all_of_them() -> float:
        # Not through a proxy of the environment.
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector, trust_env=False) as session:
            await one_request(session, list(range(8)))
            tally.__init__()  # type: ignore[misc]  # to warm up
            started = time.monotonic()
            until = started + seconds
            others = [asyncio.ensure_future(each(until)) for each in beside]
            await asyncio.gather(*[client(session, seed, until) for seed in range(count)])
            took = time.monotonic() - started
            await asyncio.gather(*others)
            return took

    return tally, asyncio.run(all_of_them())


if __name__ == "__main__":
    main()
