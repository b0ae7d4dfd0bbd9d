"""The losses and weights of thirty steps to the bit, to compare two states of the code.

    .venv/bin/python tests/thirty_steps.py --out before.json
    .venv/bin/python tests/thirty_steps.py --expected before.json

Trains a tiny model on the sample in five ways, each through the command line of the package that
the interpreter imports: plain, with weight decay, with the active vocabulary, in two processes, and
resumed after it was killed in the middle. The bits are those of one machine: write the file with
the code of before where it is compared with the code of after.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from safetensors.numpy import load_file

STEPS = 30
WORDS = [
    "model=tiny", "data=sample", "data.cache_dir=cache", "data.limit_eval=6", "seed=3",
    "data.eval_languages=[en,de]", "data.max_length=64", "hardware.threads=1",
    "hardware.micro_batch_tokens=512", "optimizer.learning_rate=1e-2",
    "trainer.effective_batch_size=128", f"trainer.max_steps={STEPS}", f"trainer.eval_every={STEPS}",
    "trainer.log_every=1", "trainer.save_every=5",
]  # fmt: skip
DECAY, FULL = "optimizer.weight_decay=0.01", "hardware.active_vocabulary=false"
WAYS = {
    "plain": [FULL],
    "weight_decay": [FULL, DECAY],
    "active_vocabulary": [DECAY],
    "two_ranks": [DECAY, "hardware.devices=2"],
    "resumed": [DECAY],
}


def start(words: list[str], folder: Path) -> subprocess.Popen:
    """Start the command line in a folder."""
    command = [sys.executable, "-m", "infoxlm", "train", *WORDS, *words]
    with open(folder / "log.txt", "ab") as log:
        return subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)


def train(words: list[str], folder: Path) -> None:
    """Run the command line to its end."""
    if start(words, folder).wait():
        raise SystemExit(f"{words} failed:\n{(folder / 'log.txt').read_text()}")


def steps_of(run: Path) -> list[dict]:
    """The lines of metrics.jsonl that are of steps; one that is being written is left out."""
    file = run / "metrics.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True) if file.exists() else []
    steps = [json.loads(line) for line in lines if line.endswith("\n")]
    return [step for step in steps if "train/loss" in step]


def kill_in_the_middle(words: list[str], folder: Path, run: Path) -> None:
    """Start a run and kill it once half of its steps are logged."""
    process = start(words, folder)
    while len(steps_of(run)) < STEPS // 2 and process.poll() is None:
        time.sleep(0.002)
    process.kill()
    process.wait()
    if (run / "results.json").exists():
        raise SystemExit("The run ended before it was killed: give it a larger model.")


def outcome(way: str, folder: Path) -> dict:
    """Train in one of the ways, and give what came of it."""
    run = folder / way
    words = [*WAYS[way], f"hydra.run.dir={run}"]
    if way == "resumed":
        kill_in_the_middle(words, folder, run)
        words = [*WAYS[way], f"hydra.run.dir={folder / 'other'}", f"trainer.resume={run}"]
    train(words, folder)
    steps = steps_of(run)
    if [step["step"] for step in steps] != list(range(1, STEPS + 1)):
        raise SystemExit(f"{way}: not every step is logged once")
    weights = load_file(run / "checkpoints" / f"step-{STEPS}" / "model.safetensors")
    digest = hashlib.sha256()
    for name in sorted(weights):
        digest.update(name.encode() + weights[name].tobytes())
    return {"losses": [s["train/loss"].hex() for s in steps], "weights": digest.hexdigest()}


def first_difference(found: dict, expected: dict) -> str | None:
    """Describe the first difference of two outcomes; None when they are the same to the bit."""
    for step, (one, other) in enumerate(zip(found["losses"], expected["losses"], strict=True), 1):
        if one != other:
            numbers = float.fromhex(one), float.fromhex(other)
            return f"loss of step {step}: {numbers[0]!r}, expected {numbers[1]!r}"
    return "weights" if found["weights"] != expected["weights"] else None


def main() -> None:
    """Train in all ways; write or compare."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, help="write what comes out to this file")
    parser.add_argument("--expected", type=Path, help="compare with what another state wrote")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    arguments = parser.parse_args()
    expected = json.loads(arguments.expected.read_text()) if arguments.expected else {}
    found, differ = {}, False
    with tempfile.TemporaryDirectory() as folder:
        for way in arguments.ways:
            found[way] = outcome(way, Path(folder).resolve())
            if expected:
                difference = first_difference(found[way], expected[way])
                differ |= difference is not None
                print(f"{way}: {difference or 'the same to the bit'}", flush=True)
            else:
                print(f"{way}: {found[way]['losses'][-1]} {found[way]['weights'][:16]}", flush=True)
    if found.get("resumed", 0) != found.get("active_vocabulary", found.get("resumed", 0)):
        differ = True
        print("resumed: not what it is without being killed")
    if arguments.out:
        arguments.out.write_text(json.dumps(found, indent=1) + "\n")
    raise SystemExit(differ)


if __name__ == "__main__":
    main()
