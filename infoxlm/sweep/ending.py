"""The end of a sweep: its report, which jobs failed, and how to run just those."""

import shutil
from typing import Any, NoReturn

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from infoxlm.errors import UserError
from infoxlm.reporting.console import from_here, show_report
from infoxlm.reporting.streams import say
from infoxlm.runs.run_folder import RUN_RECORD
from infoxlm.sweep.job import resuming_command
from infoxlm.sweep.job_record import JobState, read_job
from infoxlm.sweep.launcher import SweepLauncher
from infoxlm.sweep.sweep_plot import plot_sweep
from infoxlm.sweep.sweep_record import SWEEP_RECORD
from infoxlm.sweep.sweep_report import CSV, MARKDOWN, PICTURE, terminal, write_sweep_report
from infoxlm.sweep.sweep_results import SweepResults
from infoxlm.sweep.sweep_run import SweepRun


def end_sweep(launcher: SweepLauncher) -> None:
    """Report on a sweep.

    Raises:
        UserError: There are no jobs, or some failed or did not come to run.
    """
    if not launcher.record.jobs:
        raise_without_jobs(launcher)
    raise_common_mistake(launcher)
    results = SweepResults.read(launcher.folder)
    if results.finished:
        report_sweep(results)
    if results.others:
        for run in results.others:
            say(f"infoxlm: {in_one_line(run, results)}")
        counts = f"{len(results.others)} of {len(results.runs)} jobs are not finished"
        if not results.can_resume:
            raise UserError(counts, "The search continued without them; their folders say why.")
        raise UserError(counts, f"Run just those with: {resuming_command(results.folder)}")


def report_sweep(results: SweepResults) -> None:
    """Draw, write and print the report of a sweep with finished runs."""
    files = {"results": MARKDOWN, "every score": CSV}
    if results.keys:
        plot_sweep(results, results.folder / PICTURE)
        files["picture"] = PICTURE
    write_sweep_report(results)
    show_report(terminal(results), results.folder, files)


def in_one_line(run: SweepRun, results: SweepResults) -> str:
    """A line on a job that is not finished: settings, state, problem, folder."""
    varied = " ".join(f"{key}={value}" for key, value in run.varied.items())
    why = f": {run.record.problem}" if run.record.problem else ""
    folder = from_here(results.folder / str(run.number))
    return f"job {run.number} {varied} {run.record.state}{why} ({folder})"


def raise_without_jobs(launcher: SweepLauncher) -> NoReturn:
    """Take back a sweep without jobs; where no option matches a glob(), Hydra is content.

    Raises:
        UserError: Always.
    """
    if not launcher.resumed:
        for name in (SWEEP_RECORD, "multirun.yaml"):  # the second is Hydra's
            (launcher.folder / name).unlink(missing_ok=True)
    empty = [word for word in launcher.record.words if is_empty(word, launcher.loader)]
    raise UserError(
        f"the sweep has no runs: {' or '.join(empty) or 'its search'} gives no value",
        "Write the values out, with commas between them.",
    )


def is_empty(word: str, loader: Any) -> bool:
    """Tell whether a word typed is a sweep over no value.

    Args:
        word: The word.
        loader: Hydra's loader, which knows the options of groups.
    """
    try:
        (override,) = OverridesParser.create(loader).parse_overrides([word])
    except HydraException:  # a flag
        return False
    return override.is_discrete_sweep() and not list(override.sweep_string_iterator())


def raise_common_mistake(launcher: SweepLauncher) -> None:
    """Take back a sweep of which every job made the same mistake before it came to anything.

    Raises:
        UserError: The mistake.
    """
    folders = [launcher.job_folder(number) for number in range(len(launcher.record.jobs))]
    records = [read_job(folder) for folder in folders]
    mistakes = {(record.problem, record.remedy) for record in records}
    computed = any((folder / RUN_RECORD).exists() for folder in folders)
    failed = all(record.state is JobState.failed for record in records)
    problem, remedy = next(iter(mistakes))
    if launcher.resumed or computed or not failed or len(mistakes) > 1 or not remedy:
        return
    for folder in folders:
        shutil.rmtree(folder)
    (launcher.folder / SWEEP_RECORD).unlink()
    raise UserError(problem, remedy)
