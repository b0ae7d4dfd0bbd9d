r"""The growth of speed and memory: a few steps in each cell, all by `infoxlm train`.

python growth.py --train_file $MNLI_TRAIN --xnli_root $XNLI_ROOT \
        --e5_small weights/e5_small weights/e5_torch --base weights/base weights/base_torch
"""

import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from paths import Arguments, arguments
from texts import LANGUAGES

HERE = Path(__file__).parent

#: What each table varies, and what it leaves as it is.
USUAL = {"model": "e5_small", "languages": 15, "train_pairs": 10_000, "max_length": 128}
CELLS = [
    *({"languages": n} for n in (1, 3, 15)),
    *({"train_pairs": n} for n in (1_000, 10_000, 55_000)),
    *({"max_length": n} for n in (64, 128, 256)),
    *({"model": name} for name in ("tiny", "e5_small", "base")),
]


def run(given: Arguments, cell: dict[str, Any], folder: Path) -> dict[str, Any]:
    """One run of three steps."""
    setting = USUAL | cell
    model = ["model=tiny"]
    if setting["model"] != "tiny":
        checkpoint = given.common(setting["model"], "ours.py")["model"]
        model = [f"model={setting['model'].replace('base', 'infoxlm_base')}"]
        model += [f"model.checkpoint={checkpoint}"]
    languages = (
        ["en", "sw", "zh"][: setting["languages"]] if setting["languages"] < 15 else LANGUAGES
    )
    out = folder / "run"
    subprocess.run(
        [
            Path(sys.executable).with_name("infoxlm"), "train", *model,
            f"data.root={given.xnli_root}", f"data.train_root={given.train_file}",
            f"data.limit_train={setting['train_pairs']}", "data.limit_eval=16",
            f"data.eval_languages=[{','.join(languages)}]",
            f"data.max_length={setting['max_length']}", "trainer.effective_batch_size=64",
            "trainer.max_steps=3", "trainer.keep_checkpoints=0",
            f"hardware.threads={given.threads}", f"data.cache_dir={folder / 'cache'}",
            f"hydra.run.dir={out}",
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    results = json.loads((out / "results.json").read_text())
    train, evaluate = results["train"], results["evaluate"]
    return setting | {
        "train_pairs_per_second": round(train["pairs_per_second"], 2),
        "tokens_per_pair": round(train["tokens_per_pair"], 1),
        "score_pairs_per_second": round(evaluate["pairs_per_second"], 1),
        "reading_seconds": round(train["parts"]["data"], 2),
        "loading_seconds": round(train["parts"]["loading"], 2),
        "peak_mb": round(train["peak_rss_mb"]),
    }


def main() -> None:
    given = arguments(__doc__)
    rows = []
    for cell in CELLS:
        with tempfile.TemporaryDirectory() as name:
            rows.append({"varied": next(iter(cell))} | run(given, cell, Path(name)))
        print(rows[-1], flush=True)
    with open(HERE / "growth.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    lines = ["| " + " | ".join(rows[0]) + " |", "|" + "---|" * len(rows[0])]
    lines += ["| " + " | ".join(map(str, row.values())) + " |" for row in rows]
    (HERE / "growth.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
