"""The paths of data and weights, from the command line."""

import argparse
from pathlib import Path
from typing import Any

from infoxlm.hardware.environment import BF16, cpu_words

#: What is measured: training with an evaluation, scoring as training does it, scoring with weights
#: that stay as they are, and the start.
WORKS = ("train", "score", "score_alone", "start")

#: What is multiplied in, and ours' words for it.
PRECISIONS = {"fp32": "none", "bf16": "bf16"}


class Arguments(argparse.Namespace):
    """Command-line arguments."""

    def common(self, size: str, script: str, precision: str = "fp32") -> dict[str, Any]:
        """Make the arguments of a worker of a size and side; PyTorch's precision is a setting."""
        own = {"amp": PRECISIONS[precision]} if script == "ours.py" else {}
        weights = self.base if size == "base" else self.e5_small
        return own | {
            "model": weights[0 if script == "ours.py" else 1],
            "train_file": self.train_file,
            "xnli_root": self.xnli_root,
            "score_rows": 8 if size == "base" else 20,
            "quick": int(not self.full),
            "threads": self.threads,
        }


def arguments(description: str | None) -> Arguments:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(description or "").split("\n")[0])
    parser.add_argument("--train_file", type=Path, required=True, help="MultiNLI, TSV with header")
    parser.add_argument("--xnli_root", type=Path, required=True, help="holds test/{language}.tsv")
    for name in ("e5_small", "base"):
        parser.add_argument(
            f"--{name}", type=Path, nargs=2, metavar=("PADDLE", "TORCH"), required=True
        )
    parser.add_argument("--sizes", nargs="+", default=["base", "e5_small"])
    parser.add_argument(
        "--works", nargs="+", choices=WORKS,
        help="the others' figures are kept; usually all, and without --full all but score_alone",
    )  # fmt: skip
    parser.add_argument(
        "--precisions", nargs="+", choices=list(PRECISIONS),
        help="usual: fp32, and bf16 where the CPU has it",
    )  # fmt: skip
    parser.add_argument("--full", action="store_true", help="whole steps of 256 pairs")
    parser.add_argument("--rounds", type=int, help="usual: 3, without --full 2")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args(namespace=Arguments())
    given.rounds = given.rounds or (3 if given.full else 2)
    given.precisions = given.precisions or [
        precision for precision in PRECISIONS if precision == "fp32" or cpu_words() >= BF16
    ]
    # PyTorch compiles for minutes before it scores with fixed weights.
    given.works = given.works or [work for work in WORKS if given.full or work != "score_alone"]
    return given
