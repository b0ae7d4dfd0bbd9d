import time

import numpy as np
import paddle
import pytest

from infoxlm.model import InfoXLMConfig
from infoxlm.schema import Amp, HardwareConfig
from infoxlm.train import speed
from infoxlm.train.speed import FlopCounter, MatmulBenchmark, Throughput, training_flops

# Throughput


@pytest.fixture
def clock(monkeypatch):
    """Sets what `time.perf_counter` returns next."""

    def set_times(*seconds):
        times = iter(seconds)
        monkeypatch.setattr(time, "perf_counter", lambda: next(times))

    return set_times


def test_only_measured_time_counts(clock):
    clock(0.0, 2.0, 100.0, 101.0, 200.0, 204.0)
    throughput = Throughput()
    for examples in (10, 20):
        throughput.add(examples, time.perf_counter())
    assert throughput.since_last_asked() == 10.0
    throughput.add(8, time.perf_counter())
    assert throughput.since_last_asked() == 2.0
    assert (throughput.examples, throughput.seconds) == (38, 7.0)


def test_resumed_run_adds_to_what_was_before(clock):
    clock(7.0)
    throughput = Throughput(examples=1000, seconds=0.5)
    throughput.add(10, started=5.0)
    assert (throughput.examples, throughput.seconds) == (1010, 2.5)
    assert throughput.since_last_asked() == 5.0  # what was before has been told before


# FLOPs


def test_flops_of_the_base_model():
    """85 million weights in the blocks, six operations a weight and token, and the attention."""
    shape = InfoXLMConfig(hidden_size=768, intermediate_size=3072, num_hidden_layers=12)
    weights = 12 * (4 * 768**2 + 2 * 768 * 3072)
    assert weights == pytest.approx(85e6, rel=0.01)
    of_one = training_flops(np.array([45]), shape)
    assert of_one == 6 * (weights * 45 + 12 * 2 * 768 * 45**2)
    of_three = training_flops(np.array([45, 45, 45]), shape)
    assert of_three == 3 * of_one


def test_padding_is_no_work():
    shape = InfoXLMConfig(
        hidden_size=8, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2
    )
    hardware = HardwareConfig("cpu", micro_batch_tokens=20)
    counter = FlopCounter()
    counter.add(np.array([4, 10, 6]), shape, hardware)
    # The longest first: 10 and 6 in one batch of 2 x 10, then 4 alone.
    assert (counter.examples, counter.tokens, counter.positions) == (3, 20, 24)
    counter.add(np.array([5]), shape, hardware)
    lengths = np.array([4, 10, 6, 5])
    report = counter.report(2.0, machine=1e6)
    assert report == {
        "pairs": 4,
        "pairs_per_second": 2.0,
        "tokens_per_pair": 6.25,
        "padding_share": pytest.approx(4 / 29),
        "gflop_per_second": pytest.approx(training_flops(lengths, shape) / 2e9),
        "machine_gflop_per_second": 1e-3,
        "share_of_machine": pytest.approx(training_flops(lengths, shape) / 2e6),
    }
    assert "share_of_machine" not in counter.report(2.0, None)
    counter.add(np.array([5]), shape, hardware, flops_share=0.5, head=3e5)
    lengths = np.array([4, 10, 6, 5])
    expected = training_flops(lengths, shape) + training_flops(lengths[3:], shape) / 2 + 3e5
    assert counter.flops == pytest.approx(expected)


# Matrix products


def test_benchmark_measures_when_due_and_keeps_the_generator(monkeypatch):
    monkeypatch.setattr(speed, "MATRIX", 256)
    benchmark = MatmulBenchmark("cpu")
    assert benchmark.median is None
    paddle.seed(3)
    expected = paddle.rand([2]).tolist()
    paddle.seed(3)
    benchmark.measure_if_due()
    assert paddle.rand([2]).tolist() == expected
    first = benchmark.median
    assert 1e8 < first < 1e13
    benchmark.measure_if_due()  # too soon
    assert benchmark.median == first
    monkeypatch.setattr(benchmark, "_next", 0.0)
    benchmark.measure_if_due()
    assert len(benchmark._found) == 2


@pytest.mark.usefixtures("bf16_machine")
def test_benchmark_in_bf16(monkeypatch):
    monkeypatch.setattr(speed, "MATRIX", 256)
    monkeypatch.setattr("paddle.matmul", None)
    benchmark = MatmulBenchmark("cpu", Amp.bf16)
    benchmark.measure_if_due()
    assert 1e8 < benchmark.median < 1e13


def test_benchmark_measures_nothing_on_gpus():
    benchmark = MatmulBenchmark("gpu:0")
    benchmark.measure_if_due()
    assert benchmark.median is None
