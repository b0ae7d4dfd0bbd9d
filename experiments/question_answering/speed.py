r"""Speed and memory of fine-tuning and of scoring, ours and PyTorch's in turn.

    python speed.py --model PADDLE INITIAL --train_file $SQUAD_TRAIN --xquad_root $XQUAD_ROOT \
        --search
    python speed.py --model PADDLE INITIAL --train_file $SQUAD_TRAIN --xquad_root $XQUAD_ROOT

Both learn from the same batches of 32 windows and answer the same questions in twelve languages,
tokenising and the choice of answers included. `--search` tries the settings of each side and
writes search.jsonl; without it, the fastest of these are measured, and ours as it is without
settings, and speed.json, speed.md and speed.png are written. Each side is a process of its own,
which waits while another one computes.
"""

import argparse
import json
import statistics
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import speed_arguments  # noqa: F401  # makes experiments/speed importable
from sides import TCMALLOC, Side
from table import number

from infoxlm.files.atomic import write_json, write_text
from infoxlm.runs.machine import describe_process

HERE = Path(__file__).parent
SCRIPTS = {"ours": HERE / "speed_ours.py", "pytorch": HERE / "speed_pytorch.py"}
#: What is measured in turn: a side and whether it has the settings that were found for it.
MEASURED = {"ours": ("ours", True), "defaults": ("ours", False), "pytorch": ("pytorch", True)}
#: The settings tried, by side and work; memory is measured with those of the two others.
TRIED: dict[tuple[str, str], list[dict[str, Any]]] = {
    ("ours", "train"): [{"micro_batch_tokens": x} for x in (768, 1536, 3072)],
    ("ours", "score"): [{"eval_batch_tokens": x} for x in (768, 1536, 3072)],
    ("pytorch", "train"): [
        *({"batch": x} for x in (4, 8, 16)),
        *({"batch_tokens": x} for x in (768, 1536, 3072)),
        {"batch": 8, "attention": "eager"},
        {"batch": 8, "compile": True},
        *({"batch_tokens": x, "preload": TCMALLOC} for x in (768, 1536, 3072)),
    ],
    ("pytorch", "score"): [
        *({"score_batch": x} for x in (4, 8, 16, 32)),
        *({"score_batch": x, "score_compile": True} for x in (8, 16)),
        {"score_batch": 8, "score_compile": True, "preload": TCMALLOC},
    ],
}
#: What is compared: a name, the number in a line, what is asked for and what is hoped for.
ROWS = {
    "train": ("fine-tuning, tokens/s", "per_second", 1.5, 2.0),
    "score": ("scoring 12 languages, questions/s", "per_second", 1.5, 2.0),
    "memory": ("peak memory, MB", "peak_mb", 0.5, None),
}


def opened(given: argparse.Namespace, name: str, settings: dict[str, Any]) -> Side:
    """A side at work."""
    options = {key: getattr(given, key) for key in ("train_file", "xquad_root", "threads")}
    options |= {"steps": given.steps, "questions": given.questions}
    if given.limit_train:
        options["limit_train"] = given.limit_train
    options["model"] = given.model[list(SCRIPTS).index(name)]
    own = {key: value for key, value in settings.items() if key != "preload"}
    options["settings"] = json.dumps(own)
    return Side(name, str(SCRIPTS[name]), settings.get("preload"), **options)


def search(given: argparse.Namespace, path: Path) -> None:
    """Try the settings of both sides, and write how fast each was."""
    lines = []
    for (name, work), tried in TRIED.items():
        for settings in tried[: given.most_settings]:
            line = {"side": name, "work": work, "settings": settings}
            try:
                with opened(given, name, settings) as side:
                    answers = [side.order(work)["per_second"] for _ in range(given.rounds + 1)]
                line["per_second"] = statistics.median(answers[1:])
            except RuntimeError as error:
                line["error"] = str(error)
            lines.append(line)
            print(line, flush=True)
    write_text(path, "".join(json.dumps(line) + "\n" for line in lines))


def fastest(path: Path, name: str) -> dict[str, Any]:
    """The fastest settings of a side, of training and of scoring."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    found: dict[str, Any] = {}
    for work in ("train", "score"):
        tried = [x for x in lines if (x["side"], x["work"]) == (name, work) and "per_second" in x]
        found |= max(tried, key=lambda line: line["per_second"])["settings"]
    return found


def alternate(given: argparse.Namespace, settings: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Train and score with each side in turn; the first round warms up and does not count.

    Returns:
        What was measured, by work and name in `MEASURED`.
    """
    measured: dict[str, Any] = {work: {name: [] for name in MEASURED} for work in ROWS}
    with ExitStack() as stack:
        sides = {
            name: stack.enter_context(opened(given, side, settings[name]))
            for name, (side, _) in MEASURED.items()
        }
        for work in ("train", "score"):
            for turn in range(given.rounds + 1):
                for name, side in sides.items():
                    answer = side.order(work)
                    print(work, name, answer, flush=True)
                    if turn:
                        measured[work][name].append(answer["per_second"])
                    measured["memory"][name] = [answer["peak_mb"]]
    return measured


def markdown(record: dict[str, Any]) -> str:
    """The table."""
    lines = [
        "| | PyTorch, best | ours, fastest | ratio | ours, defaults | ratio | bar, goal |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for work, (name, _, bar, goal) in ROWS.items():
        found, ratios = record["measured"][work], record["ratios"][work]
        cells = [name, number(found["pytorch"])]
        for side in ("ours", "defaults"):
            cells += [number(found[side]), f"**{ratios[side]:.2f}**"]
        cells.append(", ".join(str(each) for each in (bar, goal) if each))
        lines.append("| " + " | ".join(cells) + " |")
    settings = "; ".join(f"{side}: `{json.dumps(x)}`" for side, x in record["settings"].items())
    lines += ["", f"{record['machine']}; medians (least to most); {settings}."]
    return "\n".join(lines) + "\n"


def machine(threads: int) -> str:
    """The processor and the versions that were measured."""
    found = describe_process()
    versions = (
        f"{name} {found['packages'][name]}"
        for name in ("paddlepaddle", "torch", "transformers")
        if name in found["packages"]
    )
    return f"{found['cpu']['name']}, {threads} threads; " + ", ".join(versions)


def plot(record: dict[str, Any], path: Path) -> None:
    """Draw a bar for each side and work; the ratio is that of our fastest settings."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, len(ROWS), figsize=(10, 3), layout="constrained")
    for axes, (work, (name, *_)) in zip(panels, ROWS.items(), strict=True):
        found = [record["measured"][work][side] for side in MEASURED]
        colors = ["#1f6feb", "#79a7ee", "#c9ced6"]
        axes.bar(list(MEASURED), [statistics.median(x) for x in found], color=colors)
        for place, each in enumerate(found):
            axes.plot([place] * len(each), each, ".", color="#24292f", markersize=4)
        axes.set_title(
            f"{name}\nratio {record['ratios'][work]['ours']:.2f}", loc="left", fontsize=9
        )
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--model", type=Path, nargs=2, metavar=("PADDLE", "TORCH"), required=True)
    for name in ("train_file", "xquad_root"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--search", action="store_true", help="try settings, measure nothing else")
    parser.add_argument("--most_settings", type=int, help="tried of each list, for a short trial")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=4, help="optimizer steps of a turn")
    parser.add_argument("--questions", type=int, default=20, help="of each language")
    parser.add_argument("--limit_train", type=int, help="training questions")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=HERE)
    given = parser.parse_args()
    found = given.out / "search.jsonl"
    if given.search:
        search(given, found)
        return
    if not found.exists():
        sys.exit(f"{found} does not exist: run with --search first")
    settings = {
        name: fastest(found, side) if tuned else {} for name, (side, tuned) in MEASURED.items()
    }
    measured = alternate(given, settings)
    record = {
        "machine": machine(given.threads),
        "settings": settings,
        "measured": measured,
        "ratios": {
            work: {
                name: statistics.median(sides[name]) / statistics.median(sides["pytorch"])
                for name in ("ours", "defaults")
            }
            for work, sides in measured.items()
        },
    }
    text = markdown(record)
    write_json(given.out / "speed.json", record)
    write_text(given.out / "speed.md", text)
    plot(record, given.out / "speed.png")
    print(text)


if __name__ == "__main__":
    main()
