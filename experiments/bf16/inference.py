"""What bfloat16 changes in predictions, and how fast each way to make them is.

    python inference.py --xnli_root $XNLI_ROOT --checkpoint RUN --exported FOLDER

FOLDER is the run exported (`infoxlm export model.checkpoint=RUN target=FOLDER`). 500 XNLI test rows
of each of fifteen languages by four predictors, in turns: the checkpoint and the exported model
(Paddle Inference), each in float32 and bfloat16, each in a process of its own. Then one pair at a
time.
Writes inference.md and inference.json next to this file.
"""

import argparse
import json
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from infoxlm.deploy.predictor import Predictor
from infoxlm.reporting.sections import markdown_table
from infoxlm.schema import Amp, HardwareConfig

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent / "speed"))
from texts import read_languages  # noqa: E402

ROWS, SINGLE, ROUNDS = 500, 40, 3

_loaded: list[Predictor] = []


def load(folder: Path, threads: int, amp: Amp) -> None:
    """Load a process's predictor."""
    tokens = HardwareConfig.eval_batch_tokens
    _loaded.append(Predictor.load(folder, threads=threads, amp=amp, batch_tokens=tokens))


def probabilities(pairs: list[tuple[str, str]]) -> tuple[float, np.ndarray]:
    """Answer: seconds, and the probability of every label, float64 ``[pairs, labels]``."""
    started = time.perf_counter()
    answers = _loaded[0].predict(pairs)
    seconds = time.perf_counter() - started
    labels = sorted(answers[0].probabilities)
    return seconds, np.array(
        [[answer.probabilities[label] for label in labels] for answer in answers]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    for name in ("xnli_root", "checkpoint", "exported"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    pairs = [(p, h) for p, h, _ in read_languages(given.xnli_root / "test", ROWS)]
    predictors = {
        f"{name}, {precision}": ProcessPoolExecutor(
            1, get_context("spawn"), load, (folder, given.threads, amp)
        )
        for name, folder in (("checkpoint", given.checkpoint), ("exported", given.exported))
        for precision, amp in (("fp32", Amp.none), ("bf16", Amp.bf16))
    }
    speeds: dict[str, list[float]] = {name: [] for name in predictors}
    single: dict[str, list[float]] = {name: [] for name in predictors}
    found: dict[str, np.ndarray] = {}
    for number in range(ROUNDS + 1):
        for name, predictor in predictors.items():
            # The first warms up, the last takes all.
            some = pairs if number == ROUNDS else pairs[:: 12 if number else 50]
            seconds, found[name] = predictor.submit(probabilities, some).result()
            if number:
                speeds[name].append(len(some) / seconds)
            for pair in pairs[:: len(pairs) // SINGLE]:
                seconds, _ = predictor.submit(probabilities, [pair]).result()
                if number:
                    single[name].append(1000 * seconds)
    for predictor in predictors.values():
        predictor.shutdown()
    exact = found["checkpoint, fp32"]
    record = {
        name: {
            "pairs_per_second": statistics.median(speeds[name]),
            "one_pair_ms": statistics.median(single[name]),
            "equal_labels": float((values.argmax(1) == exact.argmax(1)).mean()),
            "largest_difference": float(np.abs(values - exact).max()),
        }
        for name, values in found.items()
    }
    table = markdown_table(
        ["", "pairs/s", "one pair, ms", "labels as in fp32", "largest difference of a probability"],
        [
            [
                name, f"{x['pairs_per_second']:.1f}", f"{x['one_pair_ms']:.1f}",
                f"{100 * x['equal_labels']:.2f} %", f"{x['largest_difference']:.1e}",
            ]
            for name, x in record.items()
        ],
    )  # fmt: skip
    (HERE / "inference.md").write_text(table + "\n", encoding="utf-8")
    (HERE / "inference.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(table)


if __name__ == "__main__":
    main()
