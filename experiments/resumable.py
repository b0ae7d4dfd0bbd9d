"""Commands of infoxlm in a script that may be cut short and started again."""

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from queue import SimpleQueue

#: Commands whose runs resume where they were cut short; others begin again.
RESUMED = ("train", "pretrain")
#: A command, its settings, and the folder of its run.
Command = tuple[str, list[str], Path]


def finish(command: str, words: list[str], run: Path) -> None:
    """Run a command to its end, or resume it where it was cut short; a finished run is left alone.

    Its settings are kept next to it: another command in its place is refused.

    Args:
        command: A command of infoxlm.
        words: Its settings.
        run: The run's folder.
    """
    given = run.parent / f"{run.name}.words"
    if given.exists() and given.read_text(encoding="utf-8").split("\n") != [command, *words]:
        raise SystemExit(f"{run} was begun with other settings, see {given}: give another folder")
    if (run / "results.json").exists():
        print(f"{run}: finished", flush=True)
        return
    given.parent.mkdir(parents=True, exist_ok=True)
    given.write_text("\n".join([command, *words]), encoding="utf-8")
    resumed = command in RESUMED and (run / "run.json").exists()
    # A run that resumes writes into its own folder; Hydra wants one for this command, too.
    folder = run.parent / f"{run.name}.resumed" if resumed else run
    line = [sys.executable, "-m", "infoxlm", command, *words, f"hydra.run.dir={folder}"]
    if resumed:
        line.append(f"trainer.resume={run}")
    print(" ".join(line[2:]), flush=True)
    status = subprocess.run(line, check=False).returncode
    if status:  # it has said why; a script that goes on would hide it
        raise SystemExit(status)


def finish_all(commands: Sequence[Command], jobs: int) -> None:
    """Finish several commands, some at a time, each of these with its share of the cores.

    Two cores do more for two runs than for one of two threads: not all of a step is parallel.

    Args:
        commands: What `finish` takes, in the order in which they begin.
        jobs: How many run at a time. If one fails, no other is begun.
    """
    cores = sorted(os.sched_getaffinity(0))
    free: SimpleQueue[list[int]] = SimpleQueue()
    for job in range(jobs):
        free.put(cores[job::jobs])

    def finish_on_share(command: Command) -> None:
        share = free.get()
        try:
            os.sched_setaffinity(0, share)  # of this thread, and of what it starts
            finish(*command)
        finally:
            free.put(share)

    with ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(finish_on_share, command) for command in commands]
        try:
            for future in as_completed(futures):
                future.result()
        finally:
            pool.shutdown(cancel_futures=True)
