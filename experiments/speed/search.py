"""Each side's best settings, found by trying them; what `bench.py` then uses.

Its command line is that of `bench.py`.
"""

import json
import statistics

from paths import arguments
from sides import HERE, TCMALLOC, Side

PYTORCH = [
    *({"batch": size} for size in (8, 16, 32)),
    *({"batch_tokens": tokens} for tokens in (512, 1024)),
    {"batch": 16, "attention": "eager"},
    {"batch": 16, "optimizer": "foreach"},
    {"batch": 16, "optimizer": "loop"},
    {"batch": 16, "compile": True},
    {"batch": 16, "preload": TCMALLOC},
    {"batch": 16, "compile": True, "preload": TCMALLOC},
]
#: In bf16 by autocast.
PYTORCH_BF16 = [
    {"bf16": "autocast"} | each
    for each in (
        *({"batch": size, "preload": TCMALLOC} for size in (8, 16, 32, 64)),
        *({"batch_tokens": tokens, "preload": TCMALLOC} for tokens in (1024, 2048)),
        {"batch": 16},
        {"batch": 16, "attention": "eager", "preload": TCMALLOC},
        {"batch_tokens": 1024, "attention": "eager", "preload": TCMALLOC},
        {"batch": 16, "compile": True, "preload": TCMALLOC},
        {"batch": 32, "compile": True, "preload": TCMALLOC},
    )
]
OURS = [{"micro_batch_tokens": tokens} for tokens in (512, 640, 768, 1024)]
SCORING = {
    "pytorch.py": ("score_batch", (16, 32, 64)),
    "ours.py": ("eval_batch_tokens", (512, 1024, 2048)),
}
#: How to score with weights that stay as they are; ours makes a static graph by itself.
FIXED: dict[str, list[dict]] = {"pytorch.py": [{"compile": True, "freeze": True}], "ours.py": [{}]}


def median_speed(script: str, what: str, common: dict, options: dict) -> float | None:
    """Pairs a second, the first answer left out; None when the worker fails."""
    try:
        with Side(str(options), script, **common, **options) as side:
            return statistics.median([side.order(what)["pairs_per_second"] for _ in range(3)][1:])
    except RuntimeError:
        return None


def without_speed(cell: dict) -> dict:
    """What was tried, of what was found."""
    return {key: value for key, value in cell.items() if key != "pairs_per_second"}


def cells(script: str, precision: str) -> list[tuple[str, dict]]:
    """What is tried of a side: a work, and settings."""
    name, values = SCORING[script]
    if script == "ours.py":
        tried, scoring, fixed = OURS, [{}], FIXED[script]
    else:
        tried, casts = PYTORCH, [{}]
        if precision == "bf16":
            # Weights that are bf16 themselves leave nothing to cast.
            tried, casts = PYTORCH_BF16, [{"bf16": "autocast"}, {"bf16": "weights"}]
        scoring = [casts[0], casts[0] | {"compile": True}]
        scoring += [each | {"preload": TCMALLOC} for each in scoring]
        fixed = [FIXED[script][0] | cast for cast in casts]
        fixed += [each | {"preload": TCMALLOC} for each in fixed]
    return [
        *(("train", options) for options in tried),
        *(("score", {name: value} | options) for options in scoring for value in values),
        *(("score_alone", {name: value} | options) for options in fixed for value in values),
    ]


def main() -> None:
    given = arguments(__doc__)
    path = HERE / "search.jsonl"
    known = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    for precision in given.precisions:
        for size in given.sizes:
            for script in SCORING:
                for work, options in cells(script, precision):
                    if work not in given.works:
                        continue
                    common = given.common(size, script, precision)
                    speed = median_speed(script, work, common, options)
                    cell = {"size": size, "precision": precision, "side": script, "work": work}
                    cell |= options
                    known = [x for x in known if without_speed(x) != cell]
                    known.append(cell | {"pairs_per_second": speed})
                    print(known[-1], flush=True)
                    path.write_text("".join(json.dumps(line) + "\n" for line in known))


if __name__ == "__main__":
    main()
