import io
import logging

import pytest

from infoxlm.serve.repeats import RepeatFilter, repeats_left_out


@pytest.fixture
def log():
    """A logger with the filter, a clock that stands still, and what was written."""

    class Log:
        time = 100.0

        def __init__(self):
            self.written = io.StringIO()
            handler = logging.StreamHandler(self.written)
            handler.addFilter(RepeatFilter(1.0, lambda: self.time))
            self.logger = logging.Logger("test")
            self.logger.addHandler(handler)

        @property
        def lines(self):
            return self.written.getvalue().splitlines()

    return Log()


def test_the_same_is_said_once_a_second(log):
    for number in range(1000):
        log.logger.warning("no room for %d", number)
    assert log.lines == ["no room for 0"]
    log.time += 1
    log.logger.warning("no room for %d", 1000)
    assert log.lines[1:] == ["no room for 1000 (999 more left out)"]
    log.time += 1
    log.logger.warning("no room for %d", 1001)
    assert log.lines[2:] == ["no room for 1001"]


def test_what_differs_is_said(log):
    log.logger.warning("one")
    log.logger.warning("other")
    log.logger.error("one")
    assert log.lines == ["one", "other", "one"]


def test_further_lines_do_not_differ(log):
    for number in range(3):
        log.logger.error(f"socket.accept() out of system resource\nsocket: <at {number}>")
    assert len(log.lines) == 2


def test_what_is_no_warning_passes(log):
    for _ in range(3):
        log.logger.info('%s - "GET /"', "127.0.0.1")
    assert len(log.lines) == 3


def test_it_is_taken_off_again(caplog):
    with repeats_left_out():
        for _ in range(5):
            logging.getLogger("test").warning("the same")
    assert len(caplog.records) == 1
    for _ in range(5):
        logging.getLogger("test").warning("the same")
    assert len(caplog.records) == 6
