r"""Ours beside PyTorch and transformers: alternating, on the same texts, on the same machine.

    python bench.py --train_file $MNLI_TRAIN --xnli_root $XNLI_ROOT \
        --e5_small weights/e5_small weights/e5_torch --base weights/base weights/base_torch

Without --full a step of 256 pairs is put together from 64 pairs and the optimizer's own time. Each
side is at its best in fp32 and, where the CPU multiplies in it, in bf16: PyTorch by autocast.
"""

import csv
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from paths import PRECISIONS, WORKS, Arguments, arguments
from sides import HERE, TCMALLOC, Side, cpu_kind
from table import write_report

COMPILED = {"score_batch": 16, "compile": True, "preload": TCMALLOC}
#: In bf16.
CAST = {"bf16": "autocast", "preload": TCMALLOC}
FROZEN = CAST | {"compile": True, "freeze": True}

#: What `search.py` found. `compile` needs a C++ compiler, `preload` its library.
BEST = {
    ("base", "train", "fp32"): {"batch": 16, "compile": True, "preload": TCMALLOC},
    # Compiled without tcmalloc in the search; with it in bf16's, which gained.
    ("base", "score", "fp32"): COMPILED,
    ("e5_small", "train", "fp32"): {"batch": 16, "preload": TCMALLOC},
    ("e5_small", "score", "fp32"): COMPILED,
    # Weights become constants of the compiled code: nothing to train with.
    ("base", "score_alone", "fp32"): COMPILED | {"freeze": True},
    ("e5_small", "score_alone", "fp32"): COMPILED | {"freeze": True},
    ("base", "train", "bf16"): CAST | {"batch": 16, "attention": "eager"},
    ("e5_small", "train", "bf16"): CAST | {"batch_tokens": 1024, "attention": "eager"},
    ("base", "score", "bf16"): CAST | {"score_batch": 16},
    ("e5_small", "score", "bf16"): CAST | {"score_batch": 16, "compile": True},
    # Weights that are bf16 themselves leave nothing to cast.
    ("base", "score_alone", "bf16"): FROZEN | {"score_batch": 16, "bf16": "weights"},
    ("e5_small", "score_alone", "bf16"): FROZEN | {"score_batch": 32},
}
#: Those of transformers' run_xnli.py; measured in 64 pairs also where whole steps are asked for.
DEFAULTS = {"order": "random", "pad_to": 128, "batch": 8, "score_batch": 8, "quick": 1}


def alternate(given: Arguments, size: str, precision: str) -> list[dict[str, Any]]:
    """Train and score with each side in turn; the first round warms up and does not count."""
    lines = []
    for work in [work for work in WORKS if work in given.works and work != "start"]:
        opponents = {"best": BEST[size, work, precision]}
        # At its defaults PyTorch is fp32, and scores alone as it does while training.
        if work != "score_alone" and precision == "fp32":
            opponents["defaults"] = DEFAULTS
        # One opponent at a time: three models of the base size would not fit everywhere.
        for other, options in opponents.items():
            ours = given.common(size, "ours.py", precision)
            theirs = given.common(size, "pytorch.py")
            about = {"size": size, "precision": precision, "beside": other}
            with (
                Side(
                    "ours", "ours.py", **ours | {"quick": options.get("quick", ours["quick"])}
                ) as one,
                Side(other, "pytorch.py", **theirs | options) as two,
            ):
                for number in range(given.rounds + 1):
                    for side in (one, two):
                        answer = side.order(work)
                        if number:
                            line = about | {"work": work, "side": side.name}
                            lines.append(line | {"round": number} | answer)
                            print(lines[-1], flush=True)
                if work == "train":  # the peak with one evaluation
                    for side in (one, two):
                        peak = side.order("score")["peak_mb"]
                        line = about | {"work": "memory", "side": side.name}
                        lines.append(line | {"peak_mb": peak})
                        print(lines[-1], flush=True)
    return lines


def start_ours(given: Arguments, size: str, precision: str, folder: Path, number: int) -> float:
    """Seconds from `infoxlm train` to the end of its first micro-batch, as the run itself tells."""
    run = folder / f"{size}-{number}"
    common = given.common(size, "ours.py")
    done = subprocess.run(
        [
            Path(sys.executable).with_name("infoxlm"), "train",
            f"model={'infoxlm_base' if size == 'base' else size}",
            f"model.checkpoint={common['model']}", f"data.root={common['xnli_root']}",
            f"data.train_root={common['train_file']}", "data.limit_train=20480",
            "data.limit_eval=1", "trainer.effective_batch_size=16", "trainer.max_steps=1",
            "data.eval_languages=[en]", "trainer.keep_checkpoints=0",
            f"hardware.threads={given.threads}", f"hydra.run.dir={run}",
            f"hardware.amp={PRECISIONS[precision]}",
            f"data.cache_dir={folder / 'cache'}",
        ],
        capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        sys.exit(done.stderr)
    train = json.loads((run / "results.json").read_text())["train"]
    shutil.rmtree(run)  # a gigabyte of weights
    return train["parts"]["until_first_micro_batch"]


def start_pytorch(given: Arguments, size: str, folder: Path) -> float:
    """The same of a script that has its token ids in a file."""
    common = given.common(size, "pytorch.py")
    started = time.time()
    out = subprocess.run(
        [
            sys.executable, HERE / "pytorch_start.py", common["model"], folder / "ids.npz",
            str(given.threads),
        ],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return float(out.stdout.split()[-1]) - started


def alternate_starts(given: Arguments, size: str, precision: str) -> list[dict[str, Any]]:
    """Start both sides in turn, token ids being cached; PyTorch's is fp32, which starts faster."""
    lines = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start_ours(given, size, precision, folder, 0)  # fills the cache
        script = [sys.executable, HERE / "pytorch_start.py", "--tokenize"]
        common = given.common(size, "pytorch.py")
        subprocess.run(
            [*script, common["model"], folder / "ids.npz", common["train_file"]], check=True
        )
        for number in range(1, given.rounds + 1):
            for side, seconds in (
                ("ours", start_ours(given, size, precision, folder, number)),
                ("best", start_pytorch(given, size, folder)),
            ):
                line = {"size": size, "precision": precision, "work": "start"}
                line |= {"side": side, "beside": "best"}
                lines.append(line | {"round": number, "seconds": seconds})
                print(lines[-1], flush=True)
    return lines


def measured_before(path: Path, given: Arguments) -> list[dict[str, Any]]:
    """Select what was measured before and is not measured now."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    words = ("size", "precision", "work", "side", "beside", "cpu")
    return [
        {key: value if key in words else float(value) for key, value in row.items() if value}
        for row in rows
        if row["size"] not in given.sizes
        or row["precision"] not in given.precisions
        or ("train" if row["work"] == "memory" else row["work"]) not in given.works
    ]


def write_lines(lines: list[dict[str, Any]], path: Path) -> None:
    """Write what was measured, a column a number."""
    keys = list(dict.fromkeys(key for line in lines for key in line))
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, keys)
        writer.writeheader()
        writer.writerows(lines)


def main() -> None:
    given = arguments(__doc__)
    started = time.time()
    lines: list[dict[str, Any]] = []
    for precision in given.precisions:
        for size in given.sizes:
            lines += alternate(given, size, precision)
            if "start" in given.works:
                lines += alternate_starts(given, size, precision)
    cpu = cpu_kind()
    lines = [line | {"cpu": cpu} for line in lines]
    name = "full" if given.full else "quick"
    path = HERE / f"measured_{name}.csv"
    if path.exists():
        lines += measured_before(path, given)
    lines.sort(key=lambda line: line["size"])
    write_lines(lines, path)
    write_report(lines, HERE / f"results_{name}")
    print(f"{(time.time() - started) / 60:.1f} minutes")


if __name__ == "__main__":
    main()
