import threading
import time
from concurrent.futures import CancelledError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infoxlm.constants import PAD_ID
from infoxlm.serve import batching
from infoxlm.serve.batching import Batcher, QueueFullError, RuntimeEndedError
from infoxlm.serve.packing import PADDING, nearest_rows, padded_batch
from infoxlm.tokenization.token_ids import TokenIds, offsets_from


def rows(*lengths, first=100):
    """Rows of these lengths, whose second tokens are `first`, `first` + 1 and so on."""
    offsets = offsets_from(np.array(lengths))
    ids = np.full(offsets[-1], 5, np.int32)
    ids[offsets[:-1] + 1] = np.arange(first, first + len(lengths))
    return TokenIds(ids, offsets)


def seconds(future):
    """The second tokens that came back."""
    return [float(output[0]) for output in future.result(timeout=10)]


@pytest.fixture
def make_batcher():
    made = []

    def make(*runtimes, batch_tokens=64, waiting_pairs=100, **options):
        made.append(Batcher(runtimes, batch_tokens, waiting_pairs, **options))
        return made[-1]

    yield make
    for batcher in made:
        batcher.close()


@given(st.lists(st.integers(4, 60), min_size=1, max_size=40), st.integers(1, 200))
def test_a_batch_is_the_oldest_and_those_nearest_to_it(lengths, budget):
    chosen = nearest_rows(lengths, budget)
    assert chosen[0] == 0
    assert len(set(chosen)) == len(chosen)
    distance = [abs(length - lengths[0]) for length in lengths]
    left = set(range(len(lengths))) - set(chosen)
    assert all(distance[a] <= distance[b] for a in chosen for b in left)
    assert len(chosen) == 1 or fits(lengths, chosen, budget)
    # As many as fit.
    if left:
        following = min(left, key=lambda place: distance[place])
        assert not fits(lengths, [*chosen, following], budget)


def fits(lengths, chosen, budget):
    """Whether a batch keeps within the budget, nine tenths of it being text."""
    taken = [lengths[place] for place in chosen]
    padded = max(taken) * len(taken)
    return padded <= budget and sum(taken) >= (1 - PADDING) * padded - 1e-9


def test_little_is_padded_among_many():
    """Lengths as in XNLI: of 64 that wait, no few find company."""
    rng = np.random.default_rng(0)
    lengths = np.clip(rng.normal(39, 14, 64), 8, 88).astype(int).tolist()
    chosen = nearest_rows(lengths, 1024)
    assert len(chosen) > 8


def test_padding():
    padded = padded_batch([np.array([0, 7, 2]), np.array([0, 8, 9, 9, 2])])
    assert padded.tolist() == [[0, 7, 2, PAD_ID, PAD_ID], [0, 8, 9, 9, 2]]
    assert padded.dtype == np.int64


def test_what_waits_is_scored_together_and_answered_apart(make_gate, make_batcher):
    gate, seen = make_gate(), []
    batcher = make_batcher(gate, observe=seen.append)
    first = batcher.submit(rows(10, first=100))
    gate.entered.acquire(timeout=10)
    # These come while the first is being computed.
    others = [batcher.submit(rows(8, 9, first=200 + 10 * number)) for number in range(3)]
    gate.open()
    assert seconds(first) == [100]
    assert [seconds(each) for each in others] == [[200, 201], [210, 211], [220, 221]]
    assert gate.shapes == [(1, 10), (6, 9)]
    batcher.close()
    assert [(each.pairs, each.tokens, each.padded) for each in seen] == [(1, 10, 10), (6, 51, 54)]


def test_the_token_budget_holds_and_nothing_starves(make_gate, make_batcher):
    gate = make_gate()
    batcher = make_batcher(gate, batch_tokens=40)
    blocked = batcher.submit(rows(4))
    gate.entered.acquire(timeout=10)
    long = batcher.submit(rows(50, first=300))
    short = [batcher.submit(rows(10, first=number)) for number in range(9)]
    gate.open()
    assert seconds(blocked) == [100]
    assert seconds(long) == [300]
    assert [seconds(each) for each in short] == [[number] for number in range(9)]
    # The long one waited longest: it goes alone, beyond the budget, before all others.
    assert gate.shapes == [(1, 4), (1, 50), (4, 10), (4, 10), (1, 10)]


def test_a_request_larger_than_a_batch(make_gate, make_batcher):
    gate = make_gate(opened=True)
    lengths = [4 + 7 * number % 30 for number in range(50)]
    found = make_batcher(gate).submit(rows(*lengths, first=1000)).result(timeout=10)
    found = np.stack(found)
    assert found[:, 0].tolist() == list(range(1000, 1050))
    assert found[:, 1].tolist() == lengths
    assert len(gate.shapes) > 5


def test_several_threads(make_gate, make_batcher):
    gates = [make_gate(), make_gate()]
    batcher = make_batcher(*gates)
    one, other = batcher.submit(rows(64)), batcher.submit(rows(64))
    for gate in gates:  # both are busy at the same time
        assert gate.entered.acquire(timeout=10)
        gate.open()
    assert seconds(one) == seconds(other) == [100]


def test_a_full_queue(make_gate, make_batcher):
    gate = make_gate(opened=True)
    batcher = make_batcher(gate, waiting_pairs=10)
    with batcher.admitted(6), batcher.admitted(4):
        assert batcher.pending == 10
        with pytest.raises(QueueFullError) as refused, batcher.admitted(1):
            pytest.fail("admitted")
        assert refused.value.seconds == 1
    assert batcher.pending == 0
    with batcher.admitted(10):
        pass


def test_when_to_come_back_follows_the_speed(make_batcher):
    class Slow:
        def run(self, ids):
            time.sleep(0.2)
            return np.zeros((len(ids), 3), np.float32)

    batcher = make_batcher(Slow(), waiting_pairs=30)
    batcher.submit(rows(8)).result(timeout=10)
    with batcher.admitted(30), pytest.raises(QueueFullError) as refused, batcher.admitted(1):
        pytest.fail("admitted")
    assert 6 <= refused.value.seconds <= 9


def test_what_is_given_up_is_left_out(make_gate, make_batcher):
    gate = make_gate()
    batcher = make_batcher(gate)
    first = batcher.submit(rows(5))
    gate.entered.acquire(timeout=10)
    given_up, kept = batcher.submit(rows(6, first=1)), batcher.submit(rows(7, first=2))
    assert given_up.cancel()
    assert first.cancel()  # even while it is computed
    gate.open()
    assert seconds(kept) == [2]
    assert gate.shapes == [(1, 5), (1, 7)]
    with pytest.raises(CancelledError):
        first.result()


@pytest.mark.parametrize("hangs_up", [True, False])
def test_the_newest_pairs_wait_while_clients_hang_up(
    hangs_up, make_gate, make_batcher, monkeypatch
):
    monkeypatch.setattr(batching, "SETTLED", 0.1)
    gate = make_gate()
    batcher = make_batcher(gate)
    first = batcher.submit(rows(5))
    gate.entered.acquire(timeout=10)
    old, gone = batcher.submit(rows(7, 7, first=200)), batcher.submit(rows(7))
    if hangs_up:
        gone.cancel()
    time.sleep(0.25)
    new = batcher.submit(rows(7, first=300))
    gate.open()
    assert [seconds(each) for each in (first, old, new)] == [[100], [200, 201], [300]]
    assert gate.shapes == [(1, 5), *([(2, 7), (1, 7)] if hangs_up else [(4, 7)])]


def test_a_failure_ends_its_own_requests_only(make_batcher, caplog):
    class Faulty:
        def run(self, ids):
            if ids.shape[1] == 9:
                raise RuntimeError("no kernel")
            return np.zeros((len(ids), 2), np.float32)

    batcher = make_batcher(Faulty(), batch_tokens=9)
    wrong, right = batcher.submit(rows(9, 4)), batcher.submit(rows(4))
    with pytest.raises(RuntimeError, match="no kernel"):
        wrong.result(timeout=10)
    assert [output.shape for output in right.result(timeout=10)] == [(2,)]
    assert "a batch of 1 pairs failed" in caplog.text


def test_closing_answers_what_waits(make_gate, make_batcher):
    gate = make_gate()
    batcher = make_batcher(gate, batch_tokens=8)
    answers = [batcher.submit(rows(8, first=number)) for number in range(5)]
    closing = threading.Thread(target=batcher.close)
    closing.start()
    gate.open()
    closing.join(10)
    assert not closing.is_alive()
    assert [seconds(each) for each in answers] == [[number] for number in range(5)]
    with pytest.raises(RuntimeError, match="closed"):
        batcher.submit(rows(8))


class Ending:
    """A runtime that ends on some calls, and is not ready until it is brought back.

    Attributes:
        ready: Whether it may be used.
        firsts: The second tokens of each batch.
    """

    def __init__(self, ends):
        self.ready = True
        self.firsts = []
        self._ends = ends

    def run(self, ids):
        assert self.ready
        self.firsts.append(ids[:, 1].tolist())
        if self._ends(self.firsts):
            self.ready = False
            raise RuntimeEndedError("ended")
        return ids[:, 1:2].astype(np.float32)


def test_a_batch_that_a_runtime_ended_on_is_computed_by_another(make_batcher, make_gate):
    ending, gate = Ending(lambda calls: True), make_gate()
    batcher = make_batcher(ending, gate, batch_tokens=64)
    answers = [batcher.submit(rows(8, 8, first=10 * number)) for number in range(1, 20)]
    while not ending.firsts:
        time.sleep(0.01)
    gate.open()
    assert [seconds(each) for each in answers] == [[10 * n, 10 * n + 1] for n in range(1, 20)]
    assert len(ending.firsts) == 1  # it took no more


def test_a_runtime_that_comes_back_goes_on_with_the_oldest(make_batcher):
    ending = Ending(lambda calls: len(calls) == 1)
    batcher = make_batcher(ending, batch_tokens=64)
    first = batcher.submit(rows(8, 8, 8))
    while ending.ready:
        time.sleep(0.01)
    later = batcher.submit(rows(8, 8, first=200))
    time.sleep(0.2)
    assert not (first.done() or later.done())
    ending.ready = True
    assert (seconds(first), seconds(later)) == ([100, 101, 102], [200, 201])
    assert ending.firsts[1:] == [[100], [101], [102], [200, 201]]


def test_a_pair_that_ends_every_runtime_is_given_up_alone(make_batcher, caplog):
    def ends(calls):
        ending.ready = True  # back at once
        return 666 in calls[-1]

    class BackAtOnce(Ending):
        ready = property(lambda self: True, lambda self, value: None)

    ending = BackAtOnce(ends)
    batcher = make_batcher(ending, batch_tokens=64)
    with batcher._changed:  # so that they share a batch
        bad = batcher.submit(rows(8, first=666))
        good = [batcher.submit(rows(8, first=number)) for number in (1, 2)]
    assert [seconds(each) for each in good] == [[1], [2]]
    with pytest.raises(RuntimeEndedError):
        bad.result(timeout=10)
    assert ending.firsts == [[666, 1, 2], [666], [666], [1], [2]]
    assert "ended, 3 times on the same pair, which is given up" in caplog.text


def test_closing_waits_for_a_runtime_to_come_back(make_batcher):
    ending = Ending(lambda calls: len(calls) == 1)
    batcher = make_batcher(ending)
    answer = batcher.submit(rows(8))
    closing = threading.Thread(target=batcher.close)
    closing.start()
    time.sleep(0.2)
    assert closing.is_alive()
    ending.ready = True
    closing.join(10)
    assert seconds(answer) == [100]
