"""Command-line arguments that all scripts here share."""

import argparse
from pathlib import Path

from infoxlm.hardware.environment import available_cores

HERE = Path(__file__).parent


def parser_of(text: str | None) -> argparse.ArgumentParser:
    """A parser with what is common.

    Args:
        text: The script's docstring, whose first line describes it.
    """
    parser = argparse.ArgumentParser(description=(text or "").split("\n")[0])
    parser.add_argument("--checkpoint", required=True, help="a fine-tuned run's folder")
    parser.add_argument("--xnli_root", required=True)
    parser.add_argument("--threads", type=int, default=available_cores())
    parser.add_argument("--out", type=Path, default=HERE)
    return parser


def parsed(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """The arguments, with the folder made."""
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    return arguments
