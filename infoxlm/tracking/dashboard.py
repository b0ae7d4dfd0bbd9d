"""VisualDL's web server over the runs in a folder."""

import contextlib
import logging
import shlex
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

from infoxlm.errors import UserError
from infoxlm.files.listing import files_below
from infoxlm.listening import bind

logger = logging.getLogger(__name__)

#: Importing its server takes VisualDL some seconds.
_START_SECONDS = 60


def serve_dashboard(folder: str | Path, host: str = "127.0.0.1", port: int = 8040) -> None:
    """Serve until Ctrl+C; see `dashboard`."""
    with dashboard(folder, host, port) as (url, server):
        logger.info("VisualDL shows the runs in %s at %s (Ctrl+C stops it)", folder, url)
        with contextlib.suppress(KeyboardInterrupt):
            server.wait()


@contextlib.contextmanager
def dashboard(
    folder: str | Path, host: str = "127.0.0.1", port: int = 8040
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Start VisualDL's server; gives its URL and process, and stops it when the block ends.

    Every sub-folder at any depth that holds a file with "vdlrecords" in its name is shown as a
    run. Runs that start or resume later show up when the page is loaded again.

    Args:
        folder: Where to look for runs.
        host: Address to listen on; the default answers to this machine only.
        port: Port to listen on.

    Raises:
        UserError: There is no such folder, no run in it, or the address cannot be had.
    """
    folder = Path(folder)
    if not folder.is_dir():
        problem = "is a file" if folder.exists() else "does not exist"
        raise UserError(f"folder={folder} {problem}", "Give the folder that runs have written to.")
    if not any(is_log(path) for path in files_below(folder)):
        raise UserError(
            f"{folder.resolve()} holds no VisualDL log (no file named *vdlrecords*)",
            "Give a folder that runs have written to, such as outputs.",
        )
    bind(host, port).close()  # VisualDL would not say why it cannot listen there
    root = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    command = [
        *(sys.executable, "-m", "visualdl.server.app"),
        *("--logdir", str(folder), "--host", host, "--port", str(port)),
        # Without a language, clients that ask for none get an error page.
        *("--language", "en", "--disable-telemetry"),
    ]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        if not _becomes_alive(server, f"{root}/alive"):
            raise not_started(folder, command)
        yield f"{root}/app", server
    finally:
        server.terminate()
        server.wait()


def not_started(folder: Path, command: Sequence[str]) -> UserError:
    """The error for a server that ended: it does so when it cannot read one of the runs' logs."""
    damaged = [str(path) for path in files_below(folder) if is_log(path) and not is_readable(path)]
    if not damaged:
        return UserError("VisualDL's server did not start", f"See why: {shlex.join(command)}")
    others = f" and {len(damaged) - 1} more" if damaged[1:] else ""
    return UserError(
        f"VisualDL's server did not start: {damaged[0]}{others} cannot be read",
        "Move that elsewhere to see the other runs.",
    )


def is_log(path: Path) -> bool:
    """Tell whether VisualDL takes a file for a run's log."""
    return "vdlrecords" in path.name


def is_readable(log: Path) -> bool:
    """Tell whether VisualDL can read a log."""
    from visualdl import LogReader

    if not log.is_file():  # it would wait for a pipe
        return False
    try:
        LogReader(file_path=str(log))
    except Exception:  # those of protobuf, and whatever a damaged record leads to
        return False
    return True


def _becomes_alive(server: subprocess.Popen[bytes], url: str) -> bool:
    deadline = time.monotonic() + _START_SECONDS
    # Not through a proxy of the environment.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(OSError), opener.open(url, timeout=5):
            return True
        time.sleep(0.2)
    return False
