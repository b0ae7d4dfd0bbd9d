"""Time to predict one pair, as in a server without load.

    python latency.py --checkpoint RUN_OR_FOLDER --xnli_root $XNLI_ROOT

Five contenders score pairs of fifteen languages one at a time, tokenizing included, in turns of
some pairs. Writes the section "latency" of results.json, results.md and results.png beside this
file. Timings mean something only on an idle machine.
"""

from pathlib import Path

import numpy as np
from arguments import parsed, parser_of
from contenders import CONTENDERS, ORT_LOOP, OURS, TORCH_LOOP, prepared, xnli_pairs
from results import record
from turns import at_the_start, largest_difference, order

#: Pairs of a turn, and those before the first that do not count.
TURN = 20


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--pairs", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parsed(parser)
    every = xnli_pairs(arguments.xnli_root, -(-arguments.pairs // 15))
    # Neighbours in the list are of one language; a server's are not.
    pairs = [every[place] for place in np.random.default_rng(0).permutation(len(every))]
    pairs = pairs[: arguments.pairs]
    blocks = [pairs[start : start + TURN] for start in range(0, len(pairs), TURN)]
    seconds: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    answers: dict[str, list[dict[str, float]]] = {name: [] for name in CONTENDERS}
    with (
        prepared(Path(arguments.checkpoint)) as folder,
        at_the_start(CONTENDERS, folder, threads=arguments.threads) as contenders,
    ):
        for contender in contenders.values():
            contender.take_turn([[pair] for pair in pairs[:TURN]])
        for number in range(arguments.rounds):
            for turn, block in enumerate(blocks):
                for name in order(list(contenders), number + turn):
                    taken = contenders[name].take_turn([[pair] for pair in block])
                    seconds[name] += taken.seconds
                    if number == 0:
                        answers[name] += taken.answers
    sides = {
        name: {
            "p50_ms": 1000 * float(np.percentile(times, 50)),
            "p99_ms": 1000 * float(np.percentile(times, 99)),
            "largest_difference": largest_difference(answers[name], answers[OURS]),
        }
        for name, times in seconds.items()
    }
    ours = sides[OURS]["p50_ms"]
    bars = {
        f"{OURS} / {other}": {"ratio": ours / sides[other]["p50_ms"], "at most": 1.0}
        for other in (ORT_LOOP, TORCH_LOOP)
    }
    settings = {"pairs": len(pairs), "rounds": arguments.rounds, "threads": arguments.threads}
    record("latency", {"settings": settings, "sides": sides, "bars": bars}, arguments.out)


if __name__ == "__main__":
    main()
