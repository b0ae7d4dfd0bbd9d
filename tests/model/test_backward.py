"""Errors raised within a backward pass, by code, by the system or by a signal's handler."""

import errno
import signal
import threading
from importlib import import_module

import paddle
import pytest

from infoxlm.model import InfoXLMConfig, InfoXLMForSequenceClassification
from infoxlm.model.backward import Operation, backward_pass, keeps_errors
from infoxlm.model.cpu.compiled.compiler import library
from infoxlm.os_errors import os_errors_as_user_errors
from infoxlm.stopping import Interrupted, StopRequests, end_on_sigterm

ERRORS = [
    KeyboardInterrupt(), SystemExit(3), MemoryError("used up"), ValueError("a bug"),
    Interrupted("terminated", signal.SIGTERM), OSError(errno.ENOSPC, "No space left", "file"),
]  # fmt: skip


class Doubling(Operation):
    """Does something in its backward pass."""

    @staticmethod
    def forward(ctx, x, act):
        ctx.act = act
        return 2 * x

    @staticmethod
    def backward(ctx, gradient):
        ctx.act()
        return 2 * gradient


def loss_that(act, *, in_hook=False):
    x = paddle.ones([3])
    x.stop_gradient = False
    if in_hook:
        y = 2 * x
        y.register_hook(keeps_errors(lambda gradient: act()))
        return y.sum()
    return Doubling.apply(x, act).sum()


def raising(error):
    def act(*_):
        raise error

    return act


@pytest.mark.parametrize("in_hook", [False, True])
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_errors_are_what_they_were(error, in_hook):
    with pytest.raises(type(error)) as raised, backward_pass():
        loss_that(raising(error), in_hook=in_hook).backward()
    assert raised.value is error


def test_the_next_pass_knows_nothing_of_it():
    with pytest.raises(ValueError, match="first"), backward_pass():
        loss_that(raising(ValueError("first"))).backward()
    with pytest.raises(OSError, match="own"), backward_pass():
        raise OSError("of its own")
    with backward_pass():
        loss_that(lambda: None).backward()


def test_what_nobody_kept_is_at_least_no_path():
    x = paddle.ones([3])
    x.stop_gradient = False
    y = 2 * x
    y.register_hook(raising(ZeroDivisionError("in a hook of another's")))
    with (
        pytest.raises(RuntimeError, match="in a hook of another's"),
        os_errors_as_user_errors(),
        backward_pass(),
    ):
        y.sum().backward()
    with pytest.raises(OSError, match="External"), os_errors_as_user_errors():
        raise OSError("(External) CUDA error(2), out of memory")


@pytest.mark.parametrize("name", ["linear", "attention", "residual_norm", "recomputed"])
def test_each_operation_keeps_errors(name, monkeypatch):
    """A matrix product, or a thread's piece of work, that memory does not suffice for."""
    config = InfoXLMConfig(
        vocab_size=100, hidden_size=8, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=20, recompute=name == "recomputed",
    )  # fmt: skip
    model = InfoXLMForSequenceClassification(config)
    model.train()
    loss = model(paddle.to_tensor([[0, 5, 6, 2], [0, 7, 2, 1]])).logits.sum()
    failed = []

    def fail(*arguments, **options):
        failed.append(name)
        raise MemoryError("used up")

    compiled = "" if name == "linear" or library() is None else "compiled."
    module, part = name, "needed_gradients"
    if name == "recomputed":
        module, part = "attention", "call" if compiled else "softmax"
    monkeypatch.setattr(import_module(f"infoxlm.model.cpu.{compiled}{module}"), part, fail)
    with pytest.raises(MemoryError, match="used up"), backward_pass():
        loss.backward()
    assert failed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_are_what_they_were(number):
    before = signal.getsignal(signal.SIGTERM)
    end_on_sigterm()
    done = []

    def act():
        signal.raise_signal(number)
        done.append("the pass")

    try:
        with pytest.raises(KeyboardInterrupt) as raised, backward_pass():
            loss_that(act).backward()
            done.append("its end")
    finally:
        signal.signal(signal.SIGTERM, before)
    assert done == ["the pass", "its end"]
    assert isinstance(raised.value, Interrupted) == (number == signal.SIGTERM)


def test_a_second_ctrl_c_within_a_pass_ends_it_at_once():
    def act():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt), StopRequests() as stop, backward_pass():
        loss_that(act).backward()
    assert stop.signal_number == signal.SIGINT
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_in_a_thread_errors_are_kept_too():
    found = []

    def train():
        try:
            with backward_pass():
                loss_that(raising(ValueError("there"))).backward()
        except ValueError as error:
            found.append(str(error))

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert found == ["there"]
