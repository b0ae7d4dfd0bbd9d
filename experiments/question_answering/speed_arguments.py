"""Command line of the two sides of speed.py; makes the modules of experiments/speed importable."""

import argparse
import json
import sys
from pathlib import Path

#: Windows of an optimizer step.
STEP = 32

sys.path.append(str(Path(__file__).parents[1] / "speed"))


def read_arguments(description: str | None) -> argparse.Namespace:
    """Read the command line of a side."""
    parser = argparse.ArgumentParser(description=description)
    for name in ("model", "train_file", "xquad_root"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=4, help="optimizer steps of a turn")
    parser.add_argument("--questions", type=int, default=20, help="of each language")
    parser.add_argument("--limit_train", type=int)
    parser.add_argument("--settings", type=json.loads, default={}, help="JSON")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()
