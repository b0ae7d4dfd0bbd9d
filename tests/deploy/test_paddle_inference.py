import numpy as np

from infoxlm.deploy.paddle_inference import SMALL_TOKENS

IDS = np.random.default_rng(0).integers(4, 60, (12, 32))


def test_small_and_large_inputs_have_an_executor_each(runtime):
    assert not runtime._executors
    runtime.run(IDS[:1])
    runtime.run(IDS[: SMALL_TOKENS // 32])
    small = runtime._executors[True]
    assert list(runtime._executors) == [True]
    runtime.run(IDS[:5])
    assert runtime._executors[True] is small
    assert [runtime._executors[key]._keeps_tensors for key in (True, False)] == [True, False]


def test_a_clone_begins_without_executors(runtime, expected):
    runtime.run(IDS)
    other = runtime.clone()
    assert not other._executors
    for each in (other, runtime, other.clone()):
        assert np.abs(each.run(IDS[:2]) - expected(IDS[:2])).max() < 1e-5
