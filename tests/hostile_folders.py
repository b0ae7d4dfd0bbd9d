"""Spoil folders and files, and see every command end as it should: rightly, or in one line.

    python tests/hostile_folders.py --start 0 --count 2000

A case follows from its number. It ends rightly or with a code other than 0 and one line of an
error, without a traceback; takes less than 1 GB and 10 s of computing; touches nothing outside its
own folder; and shows no environment variable. Each case runs in a process of its own, forked from
one that has imported paddle already. `--only KIND` takes that kind's cases alone; `--keep` leaves
the folders of cases that failed.
"""

import argparse
import contextlib
import hashlib
import io
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

from hostile_mutations import ODD_WORDS, SECRET, SECRET_NAME, spoil

PREFIX = "infoxlm: error: "
SAMPLE = "data=sample data.limit_train=8 data.limit_eval=3 data.eval_languages=[en,de]"
TRAIN = "train model=tiny trainer.max_steps=1 trainer.eval_every=1 data.max_length=32"
OWN = "data.eval_languages=[en] data.train_languages=[en] data.limit_train=8 data.limit_eval=3"

#: What is spoiled: the folder below the whole ones, and the commands that read it.
KINDS: dict[str, tuple[str, list[str]]] = {
    "exported": (
        "exported",
        [
            "predict model.checkpoint={in} text=a<sep>b",
            "predict model.checkpoint={in} text=a<sep>b runtime=onnx",
            "predict model.checkpoint={in} input={whole}/rows/rows.tsv output=out.jsonl",
            "predict model.checkpoint={in} input={whole}/rows/rows.tsv runtime=onnx",
        ],
    ),
    "quantized": ("quantized", ["predict model.checkpoint={in} text=a<sep>b"]),
    "pickled": (
        "pickled",
        [
            "predict model.checkpoint={in} text=a<sep>b",
            f"evaluate model.checkpoint={{in}} {SAMPLE}",
            "convert source={in} target=out direction=to_torch",
        ],
    ),
    "checkpoint": (
        "checkpoint",
        [
            "predict model.checkpoint={in} text=a<sep>b",
            f"evaluate model.checkpoint={{in}} {SAMPLE}",
            "convert source={in} target=out direction=to_torch",
            f"train model=checkpoint model.checkpoint={{in}} {SAMPLE} trainer.max_steps=1 "
            "data.max_length=32",
            "export model.checkpoint={in} target=out",
        ],
    ),
    "torch": ("torch", ["convert source={in} target=out"]),
    "torch_pickled": ("torch_pickled", ["convert source={in} target=out"]),
    "rows": (
        "rows",
        [
            "predict model.checkpoint={whole}/checkpoint input={in}/rows.tsv output=out.tsv",
            "predict model.checkpoint={whole}/checkpoint input={in}/rows.csv on_error=skip",
            "predict model.checkpoint={whole}/checkpoint input={in}/rows.jsonl on_error=skip",
        ],
    ),
    "pairs": ("pairs", [f"{TRAIN} data.root={{in}} {OWN}"]),
    "zipped": (
        "zipped",
        [f"evaluate model.checkpoint={{whole}}/checkpoint data.root={{in}} {OWN}"],
    ),
    "run": (
        "run",
        [
            "repeat run={in}",
            "compare run_a={in} run_b={whole}/run",
            f"evaluate model.checkpoint={{in}} {SAMPLE}",
            "predict model.checkpoint={in} text=a<sep>b",
        ],
    ),
    "sweep": ("sweep", ["report sweep={in}"]),
    "words": (
        "checkpoint",
        [
            "predict model.checkpoint={in} text=a<sep>b",
            f"evaluate model.checkpoint={{in}} {SAMPLE}",
            "convert source={in} target=out direction=to_torch",
            f"{TRAIN} {SAMPLE}",
            "report sweep={whole}/sweep",
            "compare run_a={whole}/run run_b={whole}/run",
        ],
    ),
}

#: Of each folder, the files that are spoiled most often.
TELLING = {
    "exported": ("inference*", "model.onnx", "config.json", "sentencepiece*"),
    "quantized": ("model.onnx", "config.json"),
    "pickled": ("model_state.pdparams", "model_state.pdparams", "config.json"),
    "checkpoint": ("config.json", "model.safetensors", "sentencepiece*", "manifest.json"),
    "torch": ("config.json", "model.safetensors", "sentencepiece*"),
    "torch_pickled": ("pytorch_model.bin", "config.json"),
    "run": ("run.json", "results.json", "*.yaml", "metrics.jsonl", "best/config.json", "*.tsv"),
    "sweep": ("run.json", "results.json", "*.yaml", "*.jsonl", "status.json", "sweep*.json"),
}

#: Most bytes and seconds of computing of a case.
MOST_BYTES, MOST_SECONDS = 1e9, 10


def call(words: list[str], folder: Path) -> None:
    """Run a command that has to end well, in a process of its own."""
    line = [sys.executable, "-c", "from infoxlm.cli.entry import main; main()", *words]
    finished = subprocess.run(line, cwd=folder, capture_output=True, text=True)
    if finished.returncode:
        raise SystemExit(f"{' '.join(words)}: {finished.stderr}")


def make_whole(whole: Path) -> None:
    """Make everything that is spoiled later: nothing is wrong with it."""
    tiny = ["model=tiny", *SAMPLE.split(), "trainer.max_steps=2", "trainer.eval_every=1"]
    tiny += ["data.max_length=32"]
    call(["train", *tiny, f"hydra.run.dir={whole}/run"], whole)
    call(["train", "--multirun", *tiny, "seed=1,2", f"hydra.sweep.dir={whole}/sweep"], whole)
    checkpoint = whole / "checkpoint"
    shutil.copytree(whole / "run" / "checkpoints" / "best", checkpoint)
    common = f"convert source={checkpoint} direction=to_torch target={whole}/torch"
    call(common.split(), whole)
    for precision, name in (("fp32", "exported"), ("int8_dynamic", "quantized")):
        words = f"export model.checkpoint={checkpoint} target={whole}/{name} precision={precision}"
        call([*words.split(), "format=onnx"], whole)
    code = (
        "import sys, paddle, torch, numpy\n"
        "from safetensors.numpy import load_file\n"
        "state = load_file(sys.argv[1] + '/checkpoint/model.safetensors')\n"
        "tensors = {name: paddle.to_tensor(value) for name, value in state.items()}\n"
        "paddle.save(tensors, sys.argv[1] + '/model_state.pdparams')\n"
        "state = load_file(sys.argv[1] + '/torch/model.safetensors')\n"
        "torch.save({k: torch.tensor(v) for k, v in state.items()}, sys.argv[1] + '/x.bin')"
    )
    subprocess.run([sys.executable, "-c", code, whole], check=True, capture_output=True)
    for source, name, weights in (
        ("checkpoint", "pickled", "model_state.pdparams"),
        ("torch", "torch_pickled", "x.bin"),
    ):
        shutil.copytree(whole / source, whole / name)
        (whole / name / "model.safetensors").unlink()
        (whole / name / "manifest.json").unlink(missing_ok=True)
        final = weights if name == "pickled" else "pytorch_model.bin"
        (whole / weights).rename(whole / name / final)
    write_texts(whole)


def write_texts(whole: Path) -> None:
    """Write pairs of texts in the forms that people keep them in."""
    pairs = [
        (f"the cat {n} sat", f"a dog {n} ran", ("neutral", "entailment")[n % 2]) for n in range(8)
    ]
    table = "".join("\t".join(row) + "\n" for row in pairs)
    for split in ("train", "dev", "test"):
        (whole / "pairs" / split).mkdir(parents=True)
        text = f"premise\thypothesis\tlabel\n{table}"
        (whole / "pairs" / split / "en.tsv").write_text(text)
    rows = whole / "rows"
    rows.mkdir()
    (rows / "rows.tsv").write_text(f"premise\thypothesis\tlabel\n{table}")
    (rows / "rows.csv").write_text(
        "premise,hypothesis\n" + "".join(f"{a},{b}\n" for a, b, _ in pairs)
    )
    lines = (json.dumps({"premise": a, "hypothesis": b}) + "\n" for a, b, _ in pairs)
    (rows / "rows.jsonl").write_text("".join(lines))
    (whole / "zipped").mkdir()
    xnli = "language\tgold_label\tsentence1\tsentence2\n"
    xnli += "".join(f"en\t{label}\t{a}\t{b}\n" for a, b, label in pairs)
    with zipfile.ZipFile(whole / "zipped" / "XNLI-1.0.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for split in ("dev", "test"):
            archive.writestr(f"XNLI-1.0/xnli.{split}.tsv", xnli)


def prepare(whole: Path, place: Path, seed: int, only: str | None) -> tuple[list[str], str]:
    """Make the folder of a case; returns its command line and what was done."""
    rng = random.Random(seed)
    kind = rng.choice(list(KINDS))
    kind = only or kind
    source, lines = KINDS[kind]
    spoiled = place / "in"
    shutil.copytree(whole / source, spoiled)
    for name in ("cwd", "home", "cache", "tmp"):
        (place / name).mkdir()
    line = rng.choice(lines)
    words = line.replace("{in}", str(spoiled)).replace("{whole}", str(whole)).split()
    if kind != "words":
        return words, f"{kind}: {spoil(spoiled, rng, TELLING.get(kind, ()))}"
    for _ in range(rng.choice((1, 1, 2))):
        at = rng.randrange(1, len(words))
        key, _, _ = words[at].partition("=")
        key = key if rng.random() < 0.9 else rng.choice(ODD_WORDS)
        value = rng.choice(ODD_WORDS)
        words[at] = f"{rng.choice(('', '', '', '+', '~', '++'))}{key}={value}"
    return words, "words"


def in_child(words: list[str], place: Path) -> None:
    """Run a command line in this process, which was forked for it, and end the process."""
    code: Any = 0
    with open(place / "said", "wb", 0) as said:
        for number in (1, 2):
            os.dup2(said.fileno(), number)
    sys.stdout = io.TextIOWrapper(io.FileIO(1, "w"), write_through=True, encoding="utf-8")
    sys.stderr = io.TextIOWrapper(io.FileIO(2, "w"), write_through=True, encoding="utf-8")
    sys.argv = ["infoxlm", *words]
    os.chdir(place / "cwd")
    os.environ |= {
        "HOME": str(place / "home"), "INFOXLM_CACHE": str(place / "cache"),
        "TMPDIR": str(place / "tmp"), SECRET_NAME: SECRET, "HF_HUB_OFFLINE": "1",
    }  # fmt: skip
    tempfile.tempdir = None
    resource.setrlimit(resource.RLIMIT_CPU, (3 * MOST_SECONDS,) * 2)
    try:
        from infoxlm.cli import entry as cli

        cli.main(words)
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
        code = 99
    finally:
        import atexit

        with contextlib.suppress(BaseException):
            atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 98)


def digest(folder: Path) -> dict[str, str]:
    """What every path below a folder holds."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = f"to {path.readlink()}"
        elif path.is_file():
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            found[name] = "folder" if path.is_dir() else "other"
    return found


def run_case(whole: Path, place: Path, words: list[str]) -> tuple[list[str], str]:
    """Run a case; returns what was wrong with how it ended, and its last line."""
    before, seconds = digest(place / "in"), time.monotonic()
    child = os.fork()
    if child == 0:
        in_child(words, place)
    ended = False
    while not ended and time.monotonic() - seconds < 6 * MOST_SECONDS:
        pid, status, used = os.wait4(child, os.WNOHANG)
        ended = pid == child
        if not ended:
            time.sleep(0.01)
    if not ended:
        os.kill(child, signal.SIGKILL)
        _, status, used = os.wait4(child, 0)
    said = (place / "said").read_text(encoding="utf-8", errors="surrogateescape")
    lines = said.splitlines()
    errors = [line for line in lines if line.startswith(PREFIX)]
    code = os.waitstatus_to_exitcode(status)
    wrong = []
    if not ended:
        wrong.append("it did not end")
    elif code < 0:
        wrong.append(f"signal {-code}")
    elif code and (len(errors) != 1 or lines[-1:] != errors):
        wrong.append(f"code {code} without one line of an error at the end")
    elif not code and errors:
        wrong.append("an error with code 0")
    if "Traceback (most recent call last)" in said:
        wrong.append("a traceback")
    if errors and (len(errors[0]) > 2000 or not errors[0].isprintable()):
        wrong.append("an error that cannot be shown")
    if used.ru_maxrss * 1024 > MOST_BYTES:
        wrong.append(f"{used.ru_maxrss / 1e6:.1f} GB")
    if (computed := used.ru_utime + used.ru_stime) > MOST_SECONDS:
        wrong.append(f"{computed:.0f} s")
    # A sweep's report is written into its folder.
    if words[0] != "report" and digest(place / "in") != before:
        wrong.append("what it read was changed")
    if left := [x.name for x in (place / "tmp").iterdir()]:
        wrong.append(f"left behind in the temporary folder: {left[:3]}")
    written = (x for x in place.rglob("*") if x.is_file() and not x.is_relative_to(place / "in"))
    if any(SECRET.encode() in path.read_bytes() for path in written):
        wrong.append("an environment variable is shown")
    return wrong, (errors or lines or [""])[-1][:300] if code else "ended well"


def main() -> None:
    """Run the cases, and tell which failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--only", choices=KINDS)
    parser.add_argument("--keep", type=Path, help="where folders of failed cases are left")
    parser.add_argument("--whole", type=Path, help="whole folders, made if they are not there")
    parser.add_argument("--list", action="store_true", help="tell how every case ended")
    chosen = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # Not a TemporaryDirectory, which the processes of cases would remove when they end.
    temporary = Path(tempfile.mkdtemp(prefix="hostile-"))
    try:
        whole = (chosen.whole or temporary / "whole").resolve()
        if not whole.is_dir():
            whole.mkdir(parents=True)
            os.environ["INFOXLM_CACHE"] = str(temporary / "cache")
            make_whole(whole)
        ended = run_cases(chosen, whole, temporary)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    print(f"{ended['well']} ended well, {ended['told']} in one line, {ended['wrong']} wrongly")
    sys.exit(1 if ended["wrong"] else 0)


def run_cases(chosen: argparse.Namespace, whole: Path, temporary: Path) -> Counter[str]:
    """Run every case that was chosen, and count how they ended."""
    from infoxlm.hardware.environment import load_paddle, prepare_environment

    prepare_environment(1)
    load_paddle()
    import infoxlm.model  # noqa: F401  (what nearly every command needs)

    ended: Counter[str] = Counter()
    before = digest(whole)
    for seed in range(chosen.start, chosen.start + chosen.count):
        place = temporary / str(seed)
        place.mkdir()
        words, done = prepare(whole, place, seed, chosen.only)
        wrong, last = run_case(whole, place, words)
        if digest(whole) != before:
            wrong.append("a file outside was changed")
        if (done_before := seed - chosen.start) % 50 == 0 and done_before:
            print(f"{done_before} cases: {dict(ended)}", file=sys.stderr, flush=True)
        ended["wrong" if wrong else "well" if last == "ended well" else "told"] += 1
        if wrong or chosen.list:
            shown = " ".join(words).replace(str(whole), "WHOLE").replace(str(place), "PLACE")
            print(
                f"{seed}: {', '.join(wrong) or 'right'}\n  {done!r}\n  {shown!r}\n  {last!r}",
                flush=True,
            )
        if wrong and chosen.keep:
            kept = chosen.keep / str(seed)
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(place, kept, symlinks=True, ignore=_without_pipes)
        shutil.rmtree(place, ignore_errors=True)
    return ended


def _without_pipes(folder: str, names: list[str]) -> list[str]:
    return [
        name for name in names if not (Path(folder, name).is_file() or Path(folder, name).is_dir())
    ]


if __name__ == "__main__":
    main()
