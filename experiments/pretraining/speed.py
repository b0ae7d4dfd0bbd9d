"""A step of all three losses, ours and PyTorch's: tokens a second and peak memory, in turn.

    python speed.py --out speed --rounds 3 model=e5_small data.parallel=[TEXT] ...

The words are those of `infoxlm pretrain`. Both sides begin with the same model and learn from the
same masked batches, which the package draws once; of both, several sizes of micro-batches are
tried, of PyTorch both forms of attention, too, and the fastest counts. PyTorch's memory is
tcmalloc's, with which it was 1.3 times as fast as with glibc's. With `--bf16` both multiply in
bfloat16, PyTorch by autocast. Each measurement is a process of its own. Run it on an idle machine.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "speed"))
from sides import TCMALLOC, cpu_kind, environment_with

WORKER = Path(__file__).with_name("speed_worker.py")


def measured(*words: str, preload: str | None = None) -> dict[str, float]:
    """What a worker found: the last line that it prints."""
    command = [sys.executable, str(WORKER), *words]
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env=environment_with(preload)
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=6, help="timed ones, after one that is not")
    parser.add_argument("--tokens", default="768,1536,3072", help="of a micro-batch")
    parser.add_argument("--attention", default="sdpa,eager", help="PyTorch's")
    parser.add_argument("--bf16", action="store_true", help="on a CPU that has it")
    arguments, words = parser.parse_known_args()
    if arguments.bf16:
        words.append("hardware=cpu_bf16")
    precision = ["--bf16"] if arguments.bf16 else []
    arguments.out.mkdir(parents=True, exist_ok=True)
    common = [f"--out={arguments.out}", f"--steps={arguments.steps}"]
    measured("prepare", *common, *words)
    sides = {}
    for tokens in arguments.tokens.split(","):
        size = f"hardware.micro_batch_tokens={tokens}"
        sides[f"ours, {tokens} tokens"] = ["ours", *common, *words, size]
        for attention in arguments.attention.split(","):
            of_pytorch = [f"--tokens={tokens}", f"--attention={attention}", *precision]
            sides[f"PyTorch, {tokens} tokens, {attention}"] = ["pytorch", *common, *of_pytorch]
    found: dict[str, list[dict[str, float]]] = {name: [] for name in sides}
    for _ in range(arguments.rounds):
        for name, command in sides.items():
            preload = None if name.startswith("ours") else TCMALLOC
            found[name].append(measured(*command, preload=preload))
            print(name, found[name][-1], flush=True)
    record = {"cpu": cpu_kind(), "precision": "bf16" if arguments.bf16 else "fp32"} | found
    (arguments.out / "measured.json").write_text(json.dumps(record, indent=1) + "\n")
    medians = {
        name: {key: statistics.median(x[key] for x in runs) for key in runs[0]}
        for name, runs in found.items()
    }
    print(record["cpu"], record["precision"])
    for name, values in medians.items():
        print(f"{name}: {values['tokens_per_second']:,.0f} tokens/s, {values['peak_mb']:,.0f} MB")
    best = {
        side: max(
            (values for name, values in medians.items() if name.startswith(side)),
            key=lambda values: values["tokens_per_second"],
        )
        for side in ("ours", "PyTorch")
    }
    speed, memory = (
        best["ours"][key] / best["PyTorch"][key] for key in ("tokens_per_second", "peak_mb")
    )
    print(f"ours over PyTorch: {speed:.2f} times the speed, {memory:.2f} of the memory")


if __name__ == "__main__":
    main()
