"""From random weights, with negatives of earlier steps and with those of the step alone.

    python scratch.py --text $TEXT/tatoeba $TEXT/newstest --flores $TEXT/flores200 \
        --tatoeba $TATOEBA_ROOT --out scratch

Learns a vocabulary on the text, draws four blocks of 256, and trains all three losses twice, from
the same weights; scores the translations that the untrained encoder and both trained ones find, on
FLORES all along and on Tatoeba, whose short sentences are of the training text's kind. Writes
scratch.md, scratch.json and scratch.png next to this file. Started again, finished runs are left
alone, and those that were cut short resume. `--jobs` run at a time, each with its share of the
cores; `--settings` are added to both trainings.
"""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from collect import Table, averages, read, section, tatoeba
from ladder import POOLINGS

from infoxlm.files.atomic import write_json, write_text
from infoxlm.reporting.sections import markdown_table

sys.path.append(str(Path(__file__).parents[1]))
from resumable import finish_all  # in the folder above

HERE = Path(__file__).parent
#: Where the keys of other examples come from, as settings. Those of a queue are older than an
#: example's own: it can be told from them by its age, as far as the encoder drifts.
NEGATIVES = {
    "queue": ["task.queue_size=8192"],
    "batch": ["task.queue_size=1", "task.batch_negatives=true"],
}  # fmt: skip
UNTRAINED = "untrained"
NAMES = {UNTRAINED: "untrained", "queue": "queue", "batch": "the step's own keys"}
COLORS = {UNTRAINED: "#8c959f", "queue": "#d4a72c", "batch": "#1f6feb"}
LANGUAGES = ("en", "de", "fr", "tr", "ru", "zh")
BLOCK, STEPS, EVERY = 3, 1500, 250
#: Updates that a point of the contrast's curves is the mean of.
WINDOW = 25

SETTINGS = [
    "model=checkpoint", f"data.languages=[{','.join(LANGUAGES)}]", "data.held_out=100",
    "data.eval_limit=500", "data.max_length=64", f"task.block={BLOCK}", "task.momentum=0.99",
    "task.temperature=0.05", "task.joint_denominator=false", "optimizer.learning_rate=1e-3",
    "scheduler.warmup_ratio=0.1", "trainer.effective_batch_size=64", f"trainer.max_steps={STEPS}",
    f"trainer.eval_every={EVERY}", "trainer.log_every=1", "trainer.save_every=100", "seed=1",
]  # fmt: skip


def draw_model(text: list[Path], out: Path) -> None:
    """Learn a vocabulary and draw random weights, once."""
    if (out / "config.json").exists():
        return
    shutil.rmtree(out, ignore_errors=True)  # one that was cut short
    line = [HERE / "random_model.py", "--text", *text, "--languages", *LANGUAGES, "--out", out]
    subprocess.run([sys.executable, *line], check=True)


def last_checkpoint(run: Path) -> Path:
    """A finished run's last checkpoint; the best is not what training comes to."""
    (found,) = (run / "checkpoints").glob("step-*")
    return found


def curves(run: Path) -> dict[str, Any]:
    """What a run logged: accuracy of retrieval by block and language, and the contrast's.

    Returns:
        ``steps`` and ``languages``; ``retrieval``, ``[steps, blocks + 1, languages]``; of each
        update ``accuracy`` and ``accuracy_in_batch``.
    """
    lines = [json.loads(x) for x in (run / "metrics.jsonl").read_text("utf-8").splitlines()]
    prefix = "dev/retrieval_block_"
    scored = [x for x in lines if f"{prefix}0/average" in x]
    languages = [x.split("/")[-1] for x in scored[0] if x.startswith(f"{prefix}0/")]
    languages.remove("average")
    blocks = sum(x.startswith(prefix) and x.endswith("/average") for x in scored[0])
    learned = [x for x in lines if "train/xlco/accuracy" in x]
    return {
        "steps": [x["step"] for x in scored],
        "languages": languages,
        "retrieval": [
            [[x[f"{prefix}{block}/{code}"] for code in languages] for block in range(blocks)]
            for x in scored
        ],
        **{
            name: [x[f"train/xlco/{name}"] for x in learned]
            for name in ("accuracy", "accuracy_in_batch")
        },
    }


def by_block(tables: dict[str, Table], title: str) -> str:
    """Accuracy by block, and by language at the contrast's block and the last one."""
    return section(title, {name: [table] for name, table in tables.items()}, NAMES, BLOCK)


def contrast_table(logged: dict[str, dict[str, Any]]) -> str:
    """The contrast's accuracy in the last tenth of the updates, and how often it is all or none."""
    rows = []
    for name, found in logged.items():
        queue, batch = (np.array(found[x]) for x in ("accuracy", "accuracy_in_batch"))
        last = slice(-max(1, len(queue) // 10), None)
        all_or_none = np.mean((queue > 0.99) | (queue < 0.01))
        rows.append([NAMES[name], f"{100 * queue[last].mean():.0f}",
                     f"{100 * batch[last].mean():.0f}", f"{100 * all_or_none:.0f}"])  # fmt: skip
    header = ["negatives", "own key first, of all", "of the step's", "updates with all or none"]
    return (
        "**The contrast's own accuracy**, percent, mean over the last tenth of the updates:\n\n"
        + markdown_table(header, rows)
    )


def plot(shown: dict[str, dict[str, Table]], logged: dict[str, dict[str, Any]]) -> None:
    """Draw accuracy by block of two data sets, along training, and the contrast's own."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, 4, figsize=(17, 4), layout="constrained")
    *by_block, steps, contrast = panels
    by_block[1].sharey(by_block[0])
    for axes, tables in zip(by_block, shown.values(), strict=True):
        for name, table in tables.items():
            axes.plot(100 * averages([table])[0], color=COLORS[name], lw=2, label=NAMES[name])
        axes.set_xticks(range(len(tables[UNTRAINED][0])))
        axes.set_xlabel(f"block (0: embeddings; the contrast's is {BLOCK})")
    by_block[0].set_ylim(bottom=0)  # of both: once it is set nothing widens it
    by_block[0].set_ylabel("translations found, percent")
    for name, found in logged.items():
        retrieval = 100 * np.mean(found["retrieval"], axis=2)
        for block, style in ((BLOCK, "-"), (-1, ":")):
            steps.plot(found["steps"], retrieval[:, block], style, color=COLORS[name], lw=2)
        for key, style in (("accuracy", "-"), ("accuracy_in_batch", ":")):
            values = np.array(found[key])
            count = len(values) // WINDOW
            means = 100 * values[: count * WINDOW].reshape(count, WINDOW).mean(axis=1)
            contrast.plot(WINDOW * (np.arange(count) + 1), means, style, color=COLORS[name], lw=1.5)
    by_block[0].legend(frameon=False)
    titles = (
        *shown, f"FLORES; line: block {BLOCK}, dotted: the last",
        "own key first; line: of all, dotted: of the step's",
    )  # fmt: skip
    for axes, title in zip(panels, titles, strict=True):
        axes.set_title(title, loc="left", fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in (steps, contrast):
        axes.set_xlabel("updates")
    figure.savefig(HERE / "scratch.png", dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--text", type=Path, nargs="+", required=True)
    for name in ("flores", "tatoeba", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--settings", nargs="*", default=[], help="of both trainings")
    given = parser.parse_args()
    for path in (*given.text, given.flores, given.tatoeba):
        if not path.exists():
            raise SystemExit(f"{path} does not exist")
    start = given.out / "model"
    draw_model(given.text, start)
    text = ",".join(map(str, given.text))
    places = [
        f"model.checkpoint={start}", f"data.mono=[{text}]", f"data.parallel=[{text}]",
        f"data.eval_pairs={given.flores}",
    ]  # fmt: skip
    trainings = [
        (
            "pretrain",
            [*SETTINGS, *places, *negatives, f"name=scratch_{name}", *given.settings],
            given.out / name,
        )
        for name, negatives in NEGATIVES.items()
    ]
    finish_all(trainings, given.jobs)
    ends = {name: last_checkpoint(given.out / name) for name in NEGATIVES}
    scores = [
        (
            "retrieve",
            [
                f"model.checkpoint={checkpoint}", f"data.root={given.tatoeba}", "layer=all",
                f"pooling={pooling}", f"data.languages=[{','.join(LANGUAGES[1:])}]",
            ],
            given.out / f"tatoeba-{pooling}-{name}",
        )
        for pooling in POOLINGS
        for name, checkpoint in {UNTRAINED: start, **ends}.items()
    ]  # fmt: skip
    finish_all(scores, given.jobs)
    logged = {name: curves(given.out / name) for name in NEGATIVES}

    def at(name: str, place: int) -> Table:
        return np.array(logged[name]["retrieval"][place]), logged[name]["languages"]

    tables = {
        f"FLORES, {POOLINGS['mean']}": {
            UNTRAINED: at("queue", 0), **{name: at(name, -1) for name in NEGATIVES}
        },
        **{
            f"Tatoeba, {words}": {
                name: tatoeba(read(given.out / f"tatoeba-{pooling}-{name}") or {})
                for name in NAMES
            }
            for pooling, words in POOLINGS.items()
        },
    }  # fmt: skip
    parts = [by_block(found, title) for title, found in tables.items()]
    record = {
        "retrieval": {
            title: {name: {"languages": x, "by_block": y.tolist()} for name, (y, x) in of.items()}
            for title, of in tables.items()
        },
        "curves": logged,
    }
    write_json(HERE / "scratch.json", record)
    write_text(HERE / "scratch.md", "\n\n".join([*parts, contrast_table(logged)]) + "\n")
    shown = (f"FLORES, {POOLINGS['mean']}", f"Tatoeba, {POOLINGS['cls']}")
    plot({title: tables[title] for title in shown}, logged)
    print((HERE / "scratch.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
