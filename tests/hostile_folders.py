"""Spoil folders and files, and see every command end as it should: rightly, or in one line.

    python tests/hostile_folders.py --start 0 --count 2000 --least_well 0.25

A case follows from its number. It ends rightly or with a code other than 0 and one line of an
error, without a traceback; takes less than 1 GB a process and 10 s of computing; touches nothing
outside its own folder; leaves no process; and shows no environment variable. What serves until it
is stopped is asked one thing when it is ready, and then to stop. Each case runs in a process of its
own, forked from one that has imported paddle already.

`--only KIND` and `--command NAME` take the cases of that alone; `--keep` leaves the folders of
cases that failed. `--least_well` is the share of cases that have to end well, and asks that every
command has one: else all might be refused at the first look.
"""

import argparse
import contextlib
import hashlib
import io
import json
import os
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import psutil
from hostile_inputs import KINDS, TELLING, make_whole
from hostile_mutations import ODD_WORDS, SECRET, SECRET_NAME, spoil

PREFIX = "infoxlm: error: "
#: The line of a server that is ready; and commands that write where they read.
READY = re.compile(r"(?:served|runs in .*) at (http://\S+) \(Ctrl.C stops it\)")
WRITE_THERE = ("report", "resume", "sweep.resume")

#: Most bytes and seconds of computing of a case.
MOST_BYTES, MOST_SECONDS = 1e9, 10

#: The ends of a case; cases are counted by their command and by that.
WELL, TOLD, WRONG = "ended well", "in one line", "wrongly"
Counted = Counter[tuple[str, str]]

#: The ports of dashboards, one each.
FIRST_PORT = 21_000


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
    line = line.replace("{in}", str(spoiled)).replace("{whole}", str(whole))
    words = line.replace("{port}", str(FIRST_PORT + seed % 10_000)).split()
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
    os.setsid()
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
    """Digest every path below a folder: a file's SHA-256, a link's target."""
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


def command_of(words: list[str]) -> str:
    """The command that a case is counted under."""
    if any(word.startswith("sweep.resume=") for word in words):
        return "sweep.resume"
    return "resume" if any(word.startswith("trainer.resume=") for word in words) else words[0]


class Ended(NamedTuple):
    """The end of a case's process.

    Attributes:
        pid: Its number.
        code: Its exit code, less than 0 after a signal; None: it had to be killed.
        used: The resources that it used, with the processes that it waited for.
        stopped: Whether it served, and was asked to stop.
        answered: Faults of the answer that it gave before.
    """

    pid: int
    code: int | None
    used: resource.struct_rusage
    stopped: bool
    answered: list[str]


def run_to_the_end(words: list[str], place: Path) -> Ended:
    """Run a case's command line in a process of its own."""
    child = os.fork()
    if child == 0:
        in_child(words, place)
    started, stopped, delays = time.monotonic(), False, {}
    answered: list[str] = []
    while True:
        pid, status, used = os.wait4(child, os.WNOHANG)
        if pid == child:
            return Ended(child, os.waitstatus_to_exitcode(status), used, stopped, answered)
        # What it computes is limited; here it is only waited for, and not while it has no core.
        waited = time.monotonic() - started
        if waited > 6 * MOST_SECONDS:
            delays |= core_delays(child)
            if waited > 6 * MOST_SECONDS + sum(delays.values()):
                os.killpg(child, signal.SIGKILL)
                return Ended(child, None, os.wait4(child, 0)[2], stopped, answered)
        if words[0] in ("serve", "dashboard") and not stopped:
            said = (place / "said").read_bytes() if (place / "said").exists() else b""
            if found := READY.search(said.decode("utf-8", "replace")):
                if words[0] == "serve":
                    answered += asked(found[1], place / "answer")
                os.kill(child, signal.SIGTERM)
                stopped = True
        time.sleep(0.01)


def core_delays(child: int) -> dict[int, float]:
    """Seconds that a process, and each that it started, waited for a core so far, by its number."""
    found: dict[int, float] = {}
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(child)
        for each in (process, *process.children(recursive=True)):
            with contextlib.suppress(OSError):
                delay = Path(f"/proc/{each.pid}/schedstat").read_text().split()[1]
                found[each.pid] = int(delay) / 1e9
    return found


def asked(url: str, answer: Path) -> list[str]:
    """Ask a server for a label, keep what it says, and tell what is wrong with that."""
    body = json.dumps({"premise": "a", "hypothesis": "b"}).encode()
    request = urllib.request.Request(f"{url}/predict", body, {"Content-Type": "application/json"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=6 * MOST_SECONDS) as response:
            content, status = response.read(), response.status
    except urllib.error.HTTPError as error:
        content, status = error.read(), error.code
    except OSError as error:
        return [f"no answer: {error}"]
    answer.write_bytes(content)
    return [] if status in (200, 422, 503) else [f"it answered {status}"]


def left_running(child: int) -> bool:
    """Tell whether a case left a process behind, and end it."""
    for _ in range(200):  # Python's tracker of resources ends a moment later
        try:
            os.killpg(child, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.01)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    return True


def run_case(whole: Path, place: Path, words: list[str]) -> tuple[list[str], str]:
    """Run a case; returns what was wrong with how it ended, and its last line."""
    before = digest(place / "in")
    child, code, used, stopped, wrong = run_to_the_end(words, place)
    said = (place / "said").read_text(encoding="utf-8", errors="surrogateescape")
    lines = said.splitlines()
    errors = [line for line in lines if line.startswith(PREFIX)]
    if stopped and code == 128 + signal.SIGTERM:
        errors, code = [line for line in errors if line != lines[-1]], 0  # it says that it stopped
    if code is None:
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
    if left_running(child):
        wrong.append("a process was left")
    if command_of(words) not in WRITE_THERE and digest(place / "in") != before:
        wrong.append("what it read was changed")
    if left := [x.name for x in (place / "tmp").iterdir()]:
        wrong.append(f"left behind in the temporary folder: {left[:3]}")
    written = (x for x in place.rglob("*") if x.is_file() and not x.is_relative_to(place / "in"))
    if any(SECRET.encode() in path.read_bytes() for path in written):
        wrong.append("an environment variable is shown")
    return wrong, (errors or lines or [""])[-1][:300] if code or wrong else WELL


def main() -> None:
    """Run the cases, and tell which failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--only", choices=KINDS)
    parser.add_argument("--command", help="the cases of that command alone")
    parser.add_argument("--keep", type=Path, help="where folders of failed cases are left")
    parser.add_argument("--whole", type=Path, help="whole folders, made if they are not there")
    parser.add_argument("--list", action="store_true", help="tell how every case ended")
    parser.add_argument("--least_well", type=float, default=0.0, help="share that must end well")
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
    for command in sorted({command for command, _ in ended}):
        print(f"{command}: {counted(ended, command)}")
    print(f"all: {counted(ended)}")
    sys.exit("\n".join(missed(ended, chosen.least_well)) or int(number(ended, WRONG) > 0))


def number(ended: Counted, how: str, command: str | None = None) -> int:
    """Count the cases that ended so, of a command or of all."""
    return sum(ended[x] for x in ended if x[1] == how and command in (None, x[0]))


def counted(ended: Counted, command: str | None = None) -> str:
    """Sum up the ends of a command's cases, or of all."""
    well, told, wrong = (number(ended, how, command) for how in (WELL, TOLD, WRONG))
    return f"{well} ended well, {told} in one line, {wrong} wrongly"


def missed(ended: Counted, least: float) -> list[str]:
    """Shortfalls: too few cases ended well, of all or of a command."""
    if not least:
        return []
    share = number(ended, WELL) / ended.total()
    below = [f"{share:.0%} ended well, at least {least:.0%} should"] if share < least else []
    commands = sorted({command for command, _ in ended})
    return below + [f"no {x} ended well" for x in commands if not number(ended, WELL, x)]


def run_cases(chosen: argparse.Namespace, whole: Path, temporary: Path) -> Counted:
    """Run every case that was chosen, and count how they ended."""
    from infoxlm.hardware.environment import load_paddle, prepare_environment

    prepare_environment(1)
    load_paddle()
    import infoxlm.model  # noqa: F401  (what nearly every command needs)

    ended: Counted = Counter()
    before = digest(whole)
    for seed in range(chosen.start, chosen.start + chosen.count):
        place = temporary / str(seed)
        place.mkdir()
        words, done = prepare(whole, place, seed, chosen.only)
        if chosen.command not in (None, command_of(words)):
            shutil.rmtree(place)
            continue
        wrong, last = run_case(whole, place, words)
        if digest(whole) != before:
            wrong.append("a file outside was changed")
        if (done_before := seed - chosen.start) % 50 == 0 and done_before:
            print(f"{done_before} cases: {counted(ended)}", file=sys.stderr, flush=True)
        how = WRONG if wrong else WELL if last == WELL else TOLD
        ended[command_of(words), how] += 1
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
