"""`infoxlm report`: the runs of a sweep side by side."""

from pathlib import Path

from infoxlm.errors import UserError
from infoxlm.schema import ReportConfig
from infoxlm.sweep.ending import report_sweep
from infoxlm.sweep.sweep_results import SweepResults


def run(config: ReportConfig, folder: str | Path) -> None:
    """Write the report of a sweep into its folder, and print it.

    Args:
        config: The command's configuration, which names the sweep.
        folder: Not used: a report belongs to its sweep.

    Raises:
        UserError: It is no sweep's folder, or none of its runs has finished.
    """
    results = SweepResults.read(Path(config.folder).expanduser().absolute())
    if not results.finished:
        raise UserError(
            f"sweep={config.folder}: none of its {len(results.runs)} runs has finished with scores",
            "Wait until one has, or resume it: "
            f"infoxlm {results.record.command} --multirun sweep.resume={config.folder}",
        )
    report_sweep(results)
