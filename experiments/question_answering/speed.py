r"""Question answering next to PyTorch and transformers: alternating, on the same windows.

    python speed.py --squad $SQUAD --xquad $XQUAD --paddle weights/e5_small --torch weights/e5_torch

The sides are ours (`packed`); ours with padding computed like tokens (`padded`); and a plain
PyTorch loop over transformers' model, windows sorted by length, at each of `--batches` windows a
micro-batch. Prints each measurement as a line of JSON, then medians and ratios. `mixed` are windows
as they come; `full` are windows of 384 tokens, where there is no padding to save.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from statistics import median

import numpy as np

from infoxlm.data.examples import Examples
from infoxlm.data.token_cache import TokenCache
from infoxlm.schema import DataConfig, QuestionAnsweringConfig
from infoxlm.tasks.question_answering.task import Task
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "speed"))

from sides import Side  # noqa: E402

LENGTH = 384
WORKS = ("train_mixed", "train_full", "score")
LANGUAGES = ["ar", "de", "el", "en", "es", "hi", "ro", "ru", "th", "tr", "vi", "zh"]


def write_windows(given: argparse.Namespace, folder: Path) -> Path:
    """Write the windows of both splits, encoded once for all sides."""
    tokenizer = InfoXLMTokenizer.from_pretrained(given.paddle)
    cache = TokenCache(folder / "tokens", tokenizer, LENGTH)
    arrays = {}
    for data, root, split, limit in (
        ("squad", given.squad, "train", given.train_questions),
        ("xquad", given.xquad, "test", given.score_questions),
    ):
        languages = ["en"] if split == "train" else LANGUAGES
        task = Task(
            QuestionAnsweringConfig(),
            DataConfig(data, root=str(root), cache_dir=str(folder), eval_languages=languages),
        )
        task.open([split])
        joined = Examples.concatenate(task.load(split, cache, limit) or [])
        arrays[f"{split}_ids"] = joined.token_ids.ids
        arrays[f"{split}_offsets"] = joined.token_ids.offsets
        if split == "train":
            arrays |= {name: joined.targets[name] for name in ("start", "end")}
    np.savez(folder / "windows.npz", **arrays)
    return folder / "windows.npz"


def measure(given: argparse.Namespace, windows: Path) -> list[dict]:
    """Measure ours next to one opponent after the other; the first round warms up."""
    common = {"windows": windows, "step": given.step, "threads": given.threads}
    opponents = {"padded": ("speed_ours.py", {"model": given.paddle, "padded": 1})}
    for batch in given.batches:
        options = {"model": given.torch, "batch": batch}
        opponents[f"pytorch, {batch} windows"] = ("speed_pytorch.py", options)
    lines = []
    for name, (script, options) in opponents.items():
        with (
            Side("packed", HERE / "speed_ours.py", model=given.paddle, **common) as ours,
            Side(name, HERE / script, **options, **common) as theirs,
        ):
            for number in range(given.rounds + 1):
                for work in WORKS:
                    for side in (ours, theirs):
                        answer = side.order(work)
                        if number:
                            line = {"side": side.name, "next_to": name, "work": work, **answer}
                            lines.append(line)
                            print(json.dumps(line), flush=True)
    return lines


def report(lines: list[dict]) -> None:
    """Print medians, and how many times as good ours is."""
    for name in dict.fromkeys(line["next_to"] for line in lines):
        for work in WORKS:
            here = [x for x in lines if (x["next_to"], x["work"]) == (name, work)]
            ours, theirs = (
                [x["windows_per_second"] for x in here if (x["side"] == "packed") is wanted]
                for wanted in (True, False)
            )
            print(
                f"{work:12} packed {median(ours):6.2f}  {name} {median(theirs):6.2f} windows/s, "
                f"ratio {median(ours) / median(theirs):.2f} "
                f"({min(ours) / max(theirs):.2f} to {max(ours) / min(theirs):.2f})"
            )
        peaks = [
            max(x["peak_mb"] for x in lines if x["side"] == side and x["next_to"] == name)
            for side in ("packed", name)
        ]
        print(f"peak memory  packed {peaks[0]:,.0f}  {name} {peaks[1]:,.0f} MB, "
              f"ratio {peaks[0] / peaks[1]:.2f}")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    for name in ("squad", "xquad", "paddle", "torch"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--batches", type=int, nargs="*", default=[2, 4, 8])
    parser.add_argument("--train_questions", type=int, default=1000)
    parser.add_argument("--score_questions", type=int, default=6, help="of each language")
    parser.add_argument("--step", type=int, default=32, help="windows of an optimizer step")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report(measure(given, write_windows(given, Path(folder))))


if __name__ == "__main__":
    main()
