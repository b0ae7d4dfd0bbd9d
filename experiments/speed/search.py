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
OURS = [{"micro_batch_tokens": tokens} for tokens in (512, 640, 768, 1024)]
SCORING = {
    "pytorch.py": ("score_batch", (16, 32, 64)),
    "ours.py": ("eval_batch_tokens", (512, 1024, 2048)),
}
#: How to score with weights that stay as they are; ours makes a static graph by itself.
FIXED: dict[str, dict] = {"pytorch.py": {"compile": True, "freeze": True}, "ours.py": {}}


def median_speed(script: str, what: str, common: dict, options: dict) -> float | None:
    """Pairs a second, the first answer left out; None when the worker fails."""
    try:
        with Side(str(options), script, **common, **options) as side:
            return statistics.median([side.order(what)["pairs_per_second"] for _ in range(3)][1:])
    except RuntimeError:
        return None


def main() -> None:
    given = arguments(__doc__)
    found = []
    for size in given.sizes:
        for script, tried in (("pytorch.py", PYTORCH), ("ours.py", OURS)):
            common = given.common(size, script)
            name, values = SCORING[script]
            cells = [("train", options) for options in tried]
            cells += [("score", {name: value}) for value in values]
            if script == "pytorch.py":
                cells += [("score", {name: values[0], "preload": TCMALLOC})]
            cells += [("score_alone", {name: value} | FIXED[script]) for value in values]
            for work, options in cells:
                speed = median_speed(script, work, common, options)
                cell = {"size": size, "side": script, "work": work}
                found.append(cell | options | {"pairs_per_second": speed})
                print(found[-1], flush=True)
    lines = "\n".join(json.dumps(line) for line in found)
    (HERE / "search.jsonl").write_text(lines + "\n")


if __name__ == "__main__":
    main()
