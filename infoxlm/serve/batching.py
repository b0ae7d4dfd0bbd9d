"""Pairs of many requests wait together and are scored in batches of similar length."""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from infoxlm.deploy.predictor import without_padding
from infoxlm.deploy.runtimes import Runtime
from infoxlm.serve.packing import nearest_rows, padded_batch
from infoxlm.tokenization.token_ids import TokenIds

logger = logging.getLogger(__name__)

#: Seconds after which it is looked again whether a runtime that has ended is back.
COMEBACK = 0.05

#: How much of the speed that Retry-After is reckoned with comes from the newest batch.
NEWEST = 0.1

#: Seconds that pairs wait at least while clients hang up, if others have waited twice as long: who
#: hangs up has mostly done so by then, so that less is computed for clients that are gone.
SETTLED = 0.2

#: Seconds after a client hung up during which others are expected to.
HANG_UPS_EXPECTED = 2.0

#: How often a pair may be part of a batch whose process ends: the first time it may have been
#: any other pair's fault, from then on the pair goes alone.
TRIES = 3


class RuntimeEndedError(Exception):
    """The process that computes has ended; the batch may be computed elsewhere, or later."""


class QueueFullError(Exception):
    """No more pairs are accepted now.

    Args:
        seconds: When it is worth trying again.
    """

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(f"the queue is full for about {seconds} s")


@dataclass(frozen=True)
class Batch:
    """The sizes of one call of the model.

    Attributes:
        pairs: Rows of the batch.
        tokens: Their tokens, padding left out.
        padded: All places of the rectangle.
        seconds: How long it took.
    """

    pairs: int
    tokens: int
    padded: int
    seconds: float


@dataclass(eq=False)
class _Request:
    """Pairs that came together and are answered together."""

    answer: "Future[list[np.ndarray]]"
    outputs: list[np.ndarray]
    left: int


class _Row(NamedTuple):
    """One pair that waits."""

    request: _Request
    position: int
    ids: np.ndarray
    came: float
    tries: int = 0


class Batcher:
    """A bounded queue of pairs in front of one thread a runtime.

    A thread that is free takes the pair that has waited longest and those nearest to it in
    length, as many as fit: nothing starves, and little is padded. It never waits for a batch to
    fill: while one is computed, the next gathers. While clients hang up, the newest pairs are left
    for a later batch (`SETTLED`). While a runtime has ended, its thread takes none,
    and the batch that it ended on waits again, in front of all others.

    Args:
        runtimes: What scores batches; each is used by one thread. One that may end has a property
            `ready`, and raises `RuntimeEndedError` when it does.
        batch_tokens: Most tokens of a batch, padding included; a longer pair goes alone.
        waiting_pairs: Most pairs that are accepted and not answered yet.
        observe: Called with each batch.
    """

    def __init__(
        self,
        runtimes: Sequence[Runtime],
        batch_tokens: int,
        waiting_pairs: int,
        observe: Callable[[Batch], object] = lambda batch: None,
    ) -> None:
        self.pending = 0
        self._batch_tokens = batch_tokens
        self._limit = waiting_pairs
        self._observe = observe
        self._rows: list[_Row] = []
        self._changed = threading.Condition()
        self._closing = False
        self._pair_seconds = 0.0
        self._hung_up = -math.inf
        self._threads = [
            threading.Thread(target=self._work, args=(runtime,), name=f"batches-{number}")
            for number, runtime in enumerate(runtimes)
        ]
        for thread in self._threads:
            thread.start()

    @contextmanager
    def admitted(self, pairs: int) -> Iterator[None]:
        """Count pairs as accepted while the block lasts.

        Raises:
            QueueFullError: They are too many next to those that are accepted already.
        """
        with self._changed:
            if self.pending + pairs > self._limit:
                wait = self.pending * self._pair_seconds / len(self._threads)
                raise QueueFullError(max(1, math.ceil(wait)))
            self.pending += pairs
        try:
            yield
        finally:
            with self._changed:
                self.pending -= pairs

    def submit(self, token_ids: TokenIds) -> "Future[list[np.ndarray]]":
        """Queue tokenized pairs.

        Args:
            token_ids: At least one row.

        Returns:
            What becomes the output of each, as `Predictor.outputs`. If it is cancelled, those that
            still wait are left out.
        """
        count = len(token_ids)
        now = time.monotonic()
        request = _Request(Future(), [np.empty(0)] * count, count)
        with self._changed:
            if self._closing:
                raise RuntimeError("the batcher is closed")
            self._rows += [_Row(request, row, token_ids[row], now) for row in range(count)]
            self._changed.notify_all()
        return request.answer

    def close(self) -> None:
        """Answer what waits, then end the threads."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self, runtime: Runtime) -> None:
        """Score one batch after the other."""
        while batch := self._next(runtime):
            ids = [row.ids for row in batch]
            started = time.monotonic()
            try:
                padded = padded_batch(ids)
                logits = runtime.run(padded)
            except RuntimeEndedError as error:
                self._try_again(batch, error)
                continue
            except Exception as error:
                logger.exception("a batch of %d pairs failed", len(batch))
                self._finish(batch, error)
                continue
            seconds = time.monotonic() - started
            self._finish(batch, logits)
            share = NEWEST if self._pair_seconds else 1.0
            self._pair_seconds += share * (seconds / len(batch) - self._pair_seconds)
            self._observe(Batch(len(batch), sum(map(len, ids)), padded.size, seconds))

    def _try_again(self, batch: Sequence[_Row], error: RuntimeEndedError) -> None:
        """Queue a batch again whose runtime ended; give up pairs that this befell too often."""
        tried = [row._replace(tries=row.tries + 1) for row in batch]
        given_up = [row for row in tried if row.tries >= TRIES]
        if given_up:
            logger.error("%s, %d times on the same pair, which is given up", error, TRIES)
            self._finish(given_up, error)
        with self._changed:
            self._rows[:0] = [row for row in tried if row.tries < TRIES]
            self._changed.notify_all()

    def _next(self, runtime: Runtime) -> list[_Row]:
        """Wait for pairs and take the next batch; none after the last one."""
        with self._changed:
            while True:
                if any(row.request.answer.cancelled() for row in self._rows):
                    self._hung_up = time.monotonic()
                # Whoever asked has given up, or another batch of the same request failed.
                self._rows = [row for row in self._rows if not row.request.answer.done()]
                ready = getattr(runtime, "ready", True)
                if self._rows and ready:
                    break
                if self._closing and not self._rows:
                    return []
                self._changed.wait(COMEBACK if self._rows else None)
            candidates = self._candidates()
            chosen = nearest_rows([len(row.ids) for row in candidates], self._batch_tokens)
            batch = [candidates[place] for place in chosen]
            taken = set(map(id, batch))
            self._rows = [row for row in self._rows if id(row) not in taken]
            return batch

    def _candidates(self) -> list[_Row]:
        """List the pairs that the next batch may hold, that which has waited longest first."""
        oldest, now = self._rows[0], time.monotonic()
        if oldest.tries:
            return [oldest]
        hung_up_lately = now - self._hung_up <= HANG_UPS_EXPECTED
        if hung_up_lately and now - oldest.came >= 2 * SETTLED:
            return [row for row in self._rows if now - row.came >= SETTLED]
        return self._rows

    def _finish(self, batch: Sequence[_Row], outcome: np.ndarray | Exception) -> None:
        """Hand out the outputs of a batch, or what went wrong."""
        for place, row in enumerate(batch):
            request = row.request
            # The answer may have been cancelled just now.
            with suppress(InvalidStateError):
                if isinstance(outcome, Exception):
                    request.answer.set_exception(outcome)
                    continue
                request.outputs[row.position] = without_padding(outcome[place], len(row.ids))
                with self._changed:
                    request.left -= 1
                    complete = request.left == 0
                if complete:
                    request.answer.set_result(request.outputs)
