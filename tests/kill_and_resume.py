"""Kill a training run again and again, resume it each time, and compare it with one left alone.

    python tests/kill_and_resume.py --out FOLDER --kills 20 model=tiny data=sample ...
    python tests/kill_and_resume.py --out FOLDER --command pretrain experiment=pretraining_demo ...

Kills come without warning (SIGKILL) at random moments: while the process starts, in the middle of
a step, of a scoring, of a checkpoint. Ends with code 1 when anything but times differs between the
two runs: weights, optimizer, queue, momentum encoder, logged numbers, curves, predictions, scores.
"""

import argparse
import json
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

INFOXLM = [sys.executable, "-c", "from infoxlm.cli.entry import main; main()"]
COMMAND = [*INFOXLM, "train"]
TIMES = ("time", "train/pairs_per_second")


def start(
    folder: Path, words: list[str], command: Sequence[str] = COMMAND
) -> subprocess.Popen[bytes]:
    """Start a run in a folder, or resume the one that is there."""
    with open(folder.with_suffix(".log"), "ab") as log:
        return subprocess.Popen(
            [*command, *words, f"hydra.run.dir={folder}", "trainer.resume=auto"],
            stdout=log,
            stderr=log,
        )


def kill_and_resume(
    folder: Path,
    words: list[str],
    kills: int,
    seconds: float,
    seed: int,
    command: Sequence[str] = COMMAND,
) -> list[str]:
    """Kill and resume until the run ends.

    Args:
        folder: The run's folder.
        words: The run's command line.
        kills: The number of kills.
        seconds: The seconds that training takes when it is left alone.
        seed: The seed of the moments.
        command: What begins the command line.

    Returns:
        The activity of the process at each kill.
    """
    moments = random.Random(seed)
    moments_found = []
    while len(moments_found) < kills and not (folder / "results.json").exists():
        log = folder / "metrics.jsonl"
        logged = log.stat().st_mtime_ns if log.exists() else 0
        process = start(folder, words, command)
        while process.poll() is None and (not log.exists() or log.stat().st_mtime_ns == logged):
            time.sleep(0.001)
            if moments.random() < 1e-5:  # once in a while before it has come to train
                break
        # The next step is logged; what remains is gone through in so many parts.
        delay = moments.uniform(0, 2 * seconds / kills)
        try:
            code = process.wait(timeout=delay)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            moments_found.append(activity(folder))
        else:
            if code:
                raise SystemExit(f"the run failed, see {folder.with_suffix('.log')}")
    if not (folder / "results.json").exists() and start(folder, words, command).wait():
        raise SystemExit(f"the run failed, see {folder.with_suffix('.log')}")
    return moments_found


def activity(folder: Path) -> str:
    """The activity of a process when it was killed."""
    if any((folder / "checkpoints").glob(".*")):
        return "writing a checkpoint"
    return "training or scoring" if (folder / "checkpoints").exists() else "starting"


def outcome(folder: Path) -> dict[str, Any]:
    """Everything of a run that must not depend on how often it was stopped."""
    from visualdl import LogReader

    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    metrics = [
        {key: value for key, value in json.loads(line).items() if key not in TIMES}
        for line in lines
    ]
    curves = LogReader(file_path=str(folder / "vdl" / "vdlrecords.main.log"))
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    newest = max((folder / "checkpoints").glob("step-*"), key=lambda path: int(path.name[5:]))
    files = {}
    for checkpoint in (newest, folder / "checkpoints" / "best"):
        for file in (*checkpoint.glob("*.safetensors"), checkpoint / "config.json"):
            files[f"{checkpoint.name}/{file.name}"] = file.read_bytes()
    return {
        "metrics.jsonl": metrics,
        "curves": {
            tag: [(point.id, point.value) for point in curves.get_data("scalar", tag)]
            for tag in metrics[0].keys() | metrics[-2].keys() | metrics[-1].keys()
            if tag not in ("step", *TIMES)
        },
        "predictions.jsonl": (folder / "predictions.jsonl").read_bytes(),
        "results.json": {
            key: results.get(key) for key in ("start", "dev", "test", "best_step", "steps")
        },
        **files,
    }


def main() -> None:
    """Run both and compare."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--command", choices=["train", "pretrain"], default="train")
    arguments, words = parser.parse_known_args()
    command = [*INFOXLM, arguments.command]
    out = arguments.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    alone = out / "alone"
    if not (alone / "results.json").exists() and start(alone, words, command).wait():
        raise SystemExit(f"the run failed, see {alone.with_suffix('.log')}")
    expected = outcome(alone)
    with open(alone / "metrics.jsonl", encoding="utf-8") as lines:
        logged = [json.loads(line)["time"] for line in lines]
    seconds = float(np.ptp(logged))
    found = kill_and_resume(
        out / "killed", words, arguments.kills, seconds, arguments.seed, command
    )
    for what in sorted(set(found)):
        print(f"killed {found.count(what)} times while {what}")
    got = outcome(out / "killed")
    different = [name for name in expected if got[name] != expected[name]]
    print(f"{len(found)} kills; different: {', '.join(different) or 'nothing'}")
    raise SystemExit(bool(different))


if __name__ == "__main__":
    main()
