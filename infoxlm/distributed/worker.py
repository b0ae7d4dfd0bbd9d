"""A rank that this program starts itself: what its process does, and what it reports."""

import logging
import logging.config
import os
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from multiprocessing.connection import Connection, wait
from multiprocessing.process import parent_process
from pathlib import Path
from typing import Any

from infoxlm.errors import RankLostError, UserError
from infoxlm.stopping import Interrupted, end_on_sigterm


class Ending(IntEnum):
    """The ways a rank can end; of several ranks the user sees the first of these."""

    mistake = 0
    interrupted = 1
    crashed = 2
    died = 3
    lost = 4
    finished = 5


@dataclass(frozen=True)
class Outcome:
    """The outcome of a rank.

    Attributes:
        ending: How it ended.
        value: What the run returned.
        problem: The error's, the message of one that was interrupted, or a traceback.
        remedy: The error's.
        signal_number: Which signal interrupted it.
    """

    ending: Ending
    value: float | None = None
    problem: str = ""
    remedy: str = ""
    signal_number: int = 0


#: What each rank calls with the configuration and the folder: a function of a module's top level.
Work = Callable[[Any, Path], float | None]


def run_rank(
    work: Work,
    config: Any,
    folder: Path,
    rank: int,
    job_logging: Mapping[str, Any] | None,
    report: Connection,
) -> None:
    """Do a rank's part of a run, and report what came of it; the whole of its process.

    Args:
        work: What the command does.
        config: The run's configuration.
        folder: The run's folder.
        rank: Its number.
        job_logging: How the first process logs; None: not at all.
        report: Where the outcome goes.
    """
    os.setsid()  # Ctrl-C reaches the first process, which passes it on
    threading.Thread(target=end_with_parent, daemon=True).start()
    end_on_sigterm()
    if rank:  # what it would show is what rank 0 shows
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        logging.getLogger().addHandler(logging.NullHandler())
    elif job_logging is not None:
        logging.config.dictConfig(dict(job_logging))
        logging.captureWarnings(True)
    outcome = outcome_of(work, config, folder)
    report.send(outcome)
    logging.shutdown()
    # Without a farewell to the other ranks, that may be gone and would be waited for.
    os._exit(outcome.ending is not Ending.finished)


def outcome_of(work: Work, config: Any, folder: Path) -> Outcome:
    """Do the work as the rank that the environment names, and catch what it raises."""
    try:
        return Outcome(Ending.finished, work(config, folder))
    except UserError as error:
        ending = Ending.lost if isinstance(error, RankLostError) else Ending.mistake
        return Outcome(ending, problem=error.problem, remedy=error.remedy)
    except Interrupted as stopped:
        signal_number = stopped.signal_number
        return Outcome(Ending.interrupted, problem=stopped.message, signal_number=signal_number)
    except KeyboardInterrupt:
        return Outcome(Ending.interrupted, problem="interrupted", signal_number=2)
    except BaseException:
        return Outcome(Ending.crashed, problem=traceback.format_exc())


def end_with_parent() -> None:
    """End this process when the one that started it is gone, however that came."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
