"""Time to predict a file of 2,490 pairs.

    python files.py --checkpoint RUN_OR_FOLDER --xnli_root $XNLI_ROOT

Five contenders score the first 166 rows of XNLI's dev set in fifteen languages, tokenizing
included, in turns. All but the pipeline sort by length and pad batches of at most 4,096 tokens to
their longest; the pipeline is called as people do. Writes the section "files" of results.json,
results.md and results.png beside this file. Timings mean something only on an idle machine.
"""

from pathlib import Path

import numpy as np
from arguments import parsed, parser_of
from contenders import CONTENDERS, OURS, PIPELINE, TORCH_LOOP, prepared, xnli_pairs
from results import record
from turns import at_the_start, largest_difference, order


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--rows", type=int, default=166, help="rows a language")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parsed(parser)
    pairs = xnli_pairs(arguments.xnli_root, arguments.rows)
    seconds: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    answers: dict[str, list[dict[str, float]]] = {}
    with (
        prepared(Path(arguments.checkpoint)) as folder,
        at_the_start(CONTENDERS, folder, threads=arguments.threads) as contenders,
    ):
        for contender in contenders.values():
            contender.take_turn([pairs[:: max(1, len(pairs) // 100)]])
        for number in range(arguments.rounds):
            for name in order(list(contenders), number):
                taken = contenders[name].take_turn([pairs])
                seconds[name] += taken.seconds
                answers[name] = taken.answers
                print(f"round {number + 1}: {name} {taken.seconds[0]:.1f} s", flush=True)
    sides = {
        name: {
            "seconds": float(np.median(times)),
            "pairs_per_second": len(pairs) / float(np.median(times)),
            "largest_difference": largest_difference(answers[name], answers[OURS]),
        }
        for name, times in seconds.items()
    }
    # Of each round, whose turns were close to each other.
    bars = {
        f"{other} / {OURS}": {
            "ratio": float(np.median(np.divide(seconds[other], seconds[OURS]))),
            "at least": least,
        }
        for other, least in ((TORCH_LOOP, 1.15), (PIPELINE, 2.0))
    }
    settings = {"pairs": len(pairs), "rounds": arguments.rounds, "threads": arguments.threads}
    record("files", {"settings": settings, "sides": sides, "bars": bars}, arguments.out)


if __name__ == "__main__":
    main()
