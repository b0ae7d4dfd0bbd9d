"""Commands of infoxlm in a script that may be cut short and started again."""

import subprocess
import sys
from pathlib import Path

#: Commands whose runs resume where they were cut short; others begin again.
RESUMED = ("train", "pretrain")


def finish(command: str, words: list[str], run: Path) -> None:
    """Run a command to its end, or resume it where it was cut short; a finished run is left alone.

    Args:
        command: A command of infoxlm.
        words: Its settings.
        run: The run's folder.
    """
    if (run / "results.json").exists():
        print(f"{run}: finished", flush=True)
        return
    resumed = command in RESUMED and (run / "run.json").exists()
    # A run that resumes writes into its own folder; Hydra wants one for this command, too.
    folder = run.parent / "resumed" if resumed else run
    line = [sys.executable, "-m", "infoxlm", command, *words, f"hydra.run.dir={folder}"]
    if resumed:
        line.append(f"trainer.resume={run}")
    print(" ".join(line[2:]), flush=True)
    subprocess.run(line, check=True)
