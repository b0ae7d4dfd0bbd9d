import os
import signal
import sys
from multiprocessing import get_context

import pytest

from infoxlm.distributed.launch import StartedRank, environment, wait_for
from infoxlm.distributed.worker import Ending, Outcome


def report_and_end(report, outcome, code):
    if outcome is not None:
        report.send(outcome)
    sys.stdout.flush()
    os._exit(code)


def sleep_for_ever(report):
    signal.pause()


@pytest.fixture
def started():
    """Starts a process as a rank's."""
    context, all_of_them = get_context("fork"), []

    def start(work, *arguments):
        report, theirs = context.Pipe(duplex=False)
        process = context.Process(target=work, args=(theirs, *arguments), daemon=True)
        process.start()
        theirs.close()
        all_of_them.append(process)
        return StartedRank(process, report)

    yield start
    for process in all_of_them:
        process.kill()


def test_what_a_rank_reports_is_what_came_of_it(started):
    outcome = Outcome(Ending.mistake, problem="no data", remedy="Give some.")
    rank = started(report_and_end, outcome, 1)
    rank.process.join()
    assert rank.outcome(0) == outcome


@pytest.mark.parametrize(("code", "said"), [(3, "rank 2 ended, code 3"), (None, "by SIGKILL")])
def test_a_rank_that_reports_nothing_has_died(started, code, said):
    rank = started(sleep_for_ever) if code is None else started(report_and_end, None, code)
    if code is None:
        rank.process.kill()
    rank.process.join()
    outcome = rank.outcome(2)
    assert outcome.ending is Ending.died
    assert outcome.problem.endswith(said)


def test_a_rank_that_waits_for_one_that_is_gone_is_given_up(started, monkeypatch):
    monkeypatch.setattr("infoxlm.distributed.launch.TO_SAVE", 0.2)
    ranks = [started(sleep_for_ever), started(report_and_end, None, 1)]
    wait_for(ranks)
    assert [rank.given_up for rank in ranks] == [True, False]


def test_the_environment_is_as_before(monkeypatch):
    monkeypatch.setenv("KEPT", "1")
    with environment({"KEPT": "2", "PADDLE_TRAINER_ID": "5"}):
        assert (os.environ["KEPT"], os.environ["PADDLE_TRAINER_ID"]) == ("2", "5")
    assert os.environ["KEPT"] == "1"
    assert "PADDLE_TRAINER_ID" not in os.environ
