"""A training run that is open: its folder, locked by this process, and all that works on it."""

import logging
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infoxlm.errors import RankLostError
from infoxlm.hardware.environment import load_paddle
from infoxlm.hardware.place import ProcessInfo
from infoxlm.runs.resume import fingerprint, folder_to_write, record_resume
from infoxlm.runs.run_folder import RUN_RECORD
from infoxlm.runs.run_record import write_run_record
from infoxlm.runs.settings import flat_settings
from infoxlm.schema import BaseTrainConfig
from infoxlm.schema.free_text import typed_path
from infoxlm.stopping import Interrupted, Result, StopRequests
from infoxlm.tracking.timings import Timings

if TYPE_CHECKING:  # they import paddle
    from infoxlm.distributed.ranks import Ranks
    from infoxlm.tracking.run_tracker import RunTracker

logger = logging.getLogger(__name__)


class RunContext:
    """Context of a training run: its folder, ranks, timings, tracker and stop requests.

    Args:
        settings: The run's configuration, flat.
        folder: The run's folder.
        resumed: Whether a run in it is resumed.
        ranks: The processes that train together.
        timings: The seconds of each section of the run.
        stop: Tells when the user wants an end.
        record: Writes the record of a run that begins.

    Attributes:
        tracker: The tracker of the run's numbers, once the run has begun.
    """

    tracker: "RunTracker"

    def __init__(
        self,
        settings: Mapping[str, Any],
        folder: Path,
        resumed: bool,
        ranks: "Ranks",
        timings: Timings,
        stop: StopRequests,
        record: Callable[[], None],
    ) -> None:
        self.settings = settings
        self.folder = folder
        self.resumed = resumed
        self.ranks = ranks
        self.timings = timings
        self.stop = stop
        self._record = record
        self._opened = ExitStack()

    @property
    def name(self) -> str:
        """The run's name."""
        return str(self.settings["name"])

    def begin(self, checkpoint: Path | None) -> None:
        """Write the run's record and open its tracker; call it when all inputs have been read.

        A run whose weights cannot be read leaves nothing behind.

        Args:
            checkpoint: The checkpoint to resume from, whose log is continued; None: it begins.
        """
        from infoxlm.tracking.run_tracker import RunTracker, SilentTracker

        if self.ranks.rank:
            self.tracker = SilentTracker()
            return
        if self.resumed:
            record_resume(self.folder)
        else:
            self._record()
        tracker = RunTracker(self.folder, self.name, checkpoint)
        self.tracker = self._opened.enter_context(tracker)

    def run_or_stop(self, work: Callable[[], Result], message: str) -> Result:
        """Do what is given up when the user wants an end.

        Args:
            work: Does it; gives something else than None.
            message: What is said of it when it was given up.

        Raises:
            Interrupted: It was.
        """
        result = self.ranks.run_interruptible(self.stop, work)
        if result is None:
            number = self.ranks.signal_number(self.stop)
            assert number is not None
            raise Interrupted(message, number)
        return result

    def close(self) -> None:
        """Close the tracker."""
        self._opened.close()


@contextmanager
def open_run(
    config: BaseTrainConfig,
    folder: Path,
    data: Mapping[str, str],
    weights: Mapping[str, str],
    timings: Timings,
) -> Iterator[RunContext]:
    """Hold the folder that a run writes, meet the other ranks, and agree with them.

    Args:
        config: The run's configuration; ``trainer.resume`` says which run is looked for.
        folder: The folder of a new run.
        data: SHA-256 of the data files.
        weights: SHA-256 of the weight files.
        timings: The seconds of each section of the run.

    Raises:
        UserError: The run that was named cannot be resumed, the folder is in use, or another rank
            was lost; then, and when interrupted, the message says how to resume.
        Interrupted: The user wanted an end; everything is saved.
    """
    settings = flat_settings(config)
    wanted = fingerprint(settings, data, weights)
    with ExitStack() as stack:
        resumed = False
        if ProcessInfo.of_this_process().rank == 0:
            found = folder_to_write(config.trainer.resume, folder, wanted)
            folder, resumed = stack.enter_context(found)
        # Paddle is imported only now: a folder that cannot be used is refused in a second, not in
        # five.
        with timings.measure("loading"):
            load_paddle()
        from infoxlm.distributed.ranks import Ranks

        ranks = Ranks.join()
        ranks.check_ranks_agree(repr(wanted))
        folder, resumed = ranks.first(lambda: (Path(folder).absolute(), resumed))
        stop = stack.enter_context(StopRequests())
        record = partial(
            write_run_record,
            folder / RUN_RECORD,
            config=config,
            device=config.hardware.device,
            data=data,
            weights=weights,
        )
        run = RunContext(settings, folder, resumed, ranks, timings, stop, record)
        stack.callback(run.close)
        try:
            yield run
        except Interrupted as stopped:
            raise Interrupted(
                f"{stopped.message}. Resume with: {resume_command(folder)}", stopped.signal_number
            ) from None
        except RankLostError as lost:
            raise RankLostError(lost.problem, f"Resume with: {resume_command(folder)}") from lost


def resume_command(folder: Path) -> str:
    """The command line that resumes this process's run: its own, with the folder."""
    program, *words = sys.argv
    kept = [x for x in words if not x.startswith(("trainer.resume=", "hydra.run.dir="))]
    return f"{program} {shlex.join([*kept, f'trainer.resume={typed_path(str(folder))}'])}"
