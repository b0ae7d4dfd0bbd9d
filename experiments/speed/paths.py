"""The paths of data and weights, from the command line."""

import argparse
from pathlib import Path
from typing import Any

#: What is measured: training with an evaluation, scoring as training does it, scoring with weights
#: that stay as they are, and the start.
WORKS = ("train", "score", "score_alone", "start")


class Arguments(argparse.Namespace):
    """Command-line arguments."""

    def common(self, size: str, script: str) -> dict[str, Any]:
        """Make the arguments of a worker of a size and side."""
        weights = self.base if size == "base" else self.e5_small
        return {
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
    parser.add_argument("--full", action="store_true", help="whole steps of 256 pairs")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args(namespace=Arguments())
    # PyTorch compiles for minutes before it scores with fixed weights.
    given.works = given.works or [work for work in WORKS if given.full or work != "score_alone"]
    return given
