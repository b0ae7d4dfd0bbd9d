"""`infoxlm dashboard`: all runs of a folder in VisualDL."""

from pathlib import Path

from infoxlm.schema import DashboardConfig
from infoxlm.tracking.dashboard import serve_dashboard


def run(config: DashboardConfig, folder: str | Path) -> None:
    """Serve until Ctrl-C.

    Args:
        config: The folder, host and port.
        folder: Not used: the dashboard has no run folder.

    Raises:
        UserError: There are no runs, or the port is taken.
    """
    serve_dashboard(config.folder, config.host, config.port)
