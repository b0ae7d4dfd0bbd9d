import io
import logging
import sys
import threading

import pytest
from tqdm import tqdm

from infoxlm.tracking.progress import ProgressHandler, progress


@pytest.fixture
def logger():
    logger = logging.Logger("test", logging.INFO)
    handler = ProgressHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.addHandler(handler)
    return logger


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_messages_go_to_standard_error(logger, capsys):
    logger.info("step %d", 3)
    assert capsys.readouterr() == ("", "step 3\n")


def test_bars_share_no_lock_between_processes():
    assert isinstance(tqdm.get_lock(), type(threading.RLock()))


def test_silent_in_a_file(capsys):
    assert list(progress([1, 2, 3], label="training")) == [1, 2, 3]
    assert capsys.readouterr() == ("", "")


def test_bar_on_a_terminal(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with progress(label="scoring", total=2, unit=" pairs", mininterval=0) as bar:
        bar.update(2)
    assert "scoring: 100%" in screen.getvalue()
    assert " pairs" in screen.getvalue()
    assert screen.getvalue().endswith("\r")  # the bar is wiped away at its end


def test_message_does_not_tear_the_bar(logger, monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with progress(label="training", total=10, mininterval=0) as bar:
        bar.update()
        logger.info("step 1 of 10")
        bar.update()
    lines = screen.getvalue().split("\n")
    assert lines[0].endswith("\rstep 1 of 10")  # above the bar, at the start of a wiped line
    assert "training" in lines[1]


def test_unprintable_message_is_reported_not_raised(logger, capsys):
    logger.info("%d steps", "no number")
    assert "TypeError" in capsys.readouterr().err
