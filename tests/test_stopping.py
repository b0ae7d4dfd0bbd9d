"""With real signals, sent by this process to itself."""

import os
import signal
import threading
import time

import pytest

from infoxlm.stopping import (
    Interrupted,
    StopRequests,
    end_on_sigterm,
    signals_deferred,
    tell_launcher,
)

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2]


@pytest.fixture(autouse=True)
def handlers():
    """Puts back what was there, and gives it."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield before
    for number, handler in before.items():
        signal.signal(number, handler)


def send(number):
    os.kill(os.getpid(), number)
    time.sleep(0)  # the handler runs before the next line


@pytest.mark.parametrize("number", SIGNALS)
def test_a_request_is_noted_and_nothing_is_cut(number, capsys):
    with StopRequests() as stop:
        assert stop.signal_number is None
        send(number)
        assert stop.signal_number == number
    assert "stopping after this step; Ctrl-C again" in capsys.readouterr().err


@pytest.mark.parametrize("first", SIGNALS)
def test_a_second_ctrl_c_ends_it_at_once(first):
    with pytest.raises(KeyboardInterrupt) as raised, StopRequests() as stop:
        send(first)
        send(signal.SIGINT)
        pytest.fail("it continued")
    assert not isinstance(raised.value, Interrupted)
    assert stop.signal_number == first


def test_a_second_sigterm_is_as_good_as_one(capsys):
    with StopRequests() as stop:
        send(signal.SIGTERM)
        send(signal.SIGTERM)
    assert stop.signal_number == signal.SIGTERM
    assert capsys.readouterr().err.count("stopping") == 1


@pytest.mark.parametrize("number", SIGNALS)
def test_work_that_may_be_cut_is_cut_and_tidied_up(number):
    done = []

    def work():
        try:
            done.append("begun")
            send(number)
            done.append("ended")
        except Exception:  # noqa: BLE001
            done.append("taken for an error")
        finally:
            done.append("tidied up")

    with StopRequests() as stop:
        assert stop.run_interruptible(work) is None
        assert done == ["begun", "tidied up"]
        assert stop.signal_number == number
        assert stop.run_interruptible(lambda: done.append("another")) is None
    assert done == ["begun", "tidied up"]


def test_work_that_nobody_cuts_gives_its_result_and_its_errors():
    with StopRequests() as stop:
        assert stop.run_interruptible(lambda: 7) == 7
        with pytest.raises(ZeroDivisionError):
            stop.run_interruptible(lambda: 1 // 0)
        send(signal.SIGTERM)  # what comes after it is only noted
        assert stop.signal_number == signal.SIGTERM


def test_a_second_ctrl_c_in_such_work_ends_it_at_once():
    def work():
        try:
            send(signal.SIGINT)
        finally:
            send(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt), StopRequests() as stop:
        stop.run_interruptible(work)


def test_the_handlers_before_are_put_back(handlers):
    end_on_sigterm()
    mine = signal.getsignal(signal.SIGTERM)
    with pytest.raises(ZeroDivisionError), StopRequests():
        assert signal.getsignal(signal.SIGTERM) is not mine
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGTERM) is mine
    assert signal.getsignal(signal.SIGINT) == handlers[signal.SIGINT]


def test_sigterm_ends_a_command_as_ctrl_c_does():
    end_on_sigterm()
    with pytest.raises(Interrupted) as ended:
        send(signal.SIGTERM)
    assert isinstance(ended.value, KeyboardInterrupt)
    assert ended.value.code == 143
    assert Interrupted("saved", signal.SIGINT).code == 130


def test_other_threads_have_no_signals(handlers):
    seen = {}

    def thread():
        end_on_sigterm()
        with StopRequests() as stop:
            seen["handlers"] = {number: signal.getsignal(number) for number in SIGNALS}
            seen["result"] = stop.run_interruptible(lambda: "done")

    worker = threading.Thread(target=thread)
    worker.start()
    worker.join()
    assert seen == {"handlers": handlers, "result": "done"}


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGUSR2])
def test_a_launcher_is_told_when_all_is_saved(number):
    def requeue(number, frame):
        done.append(number)
        raise SystemExit(144)

    done = []
    signal.signal(number, requeue)
    with pytest.raises(Interrupted) as stopped, StopRequests() as stop:
        send(number)
        raise Interrupted("saved", stop.signal_number)
    assert done == []
    with pytest.raises(SystemExit, match="144"):
        tell_launcher(stopped.value)
    assert done == [number]
    signal.signal(number, signal.SIG_DFL)
    tell_launcher(stopped.value)  # nobody there
    tell_launcher(Interrupted("by Ctrl-C", signal.SIGINT))


def test_deferred_signals_come_in_their_order_at_the_end(handlers):
    seen = []
    for number in SIGNALS:
        signal.signal(number, lambda number, _: seen.append(number))
    with signals_deferred():
        for number in SIGNALS:
            send(number)
        assert seen == []
    assert seen == SIGNALS
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with pytest.raises(KeyboardInterrupt), signals_deferred():
        send(signal.SIGINT)
        seen.append("the end of the block")
    assert seen[-1] == "the end of the block"
