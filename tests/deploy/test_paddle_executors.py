import numpy as np
import paddle
import pytest

from infoxlm.deploy import paddle_executors
from infoxlm.deploy.paddle_executors import KEPT, CpuExecutor

IDS = np.random.default_rng(0).integers(4, 60, (12, 32))


@pytest.mark.parametrize(
    "shapes",
    [[(1, 12), (11, 2)], [(11, 2), (1, 12)], [(1, 21), (12, 1)], [(1, 11), (11, 1), (1, 11)]],
    ids=str,
)
def test_shapes_that_read_alike_are_told_apart(shapes, runtime, expected):
    for rows, width in shapes:
        ids = IDS[:rows, :width]
        assert np.abs(runtime.run(ids) - expected(ids)).max() < 1e-5


@pytest.mark.parametrize("most", [256, 5])
def test_every_shape_is_scored_as_the_model_scores_it(most, runtime, expected, monkeypatch):
    monkeypatch.setattr(paddle_executors, "MOST_SHAPES", most)
    for rows in range(1, 13, 2):
        for width in range(1, 33, 3):
            ids = IDS[:rows, :width]
            assert np.abs(runtime.run(ids) - expected(ids)).max() < 1e-5
    for executor in runtime._executors.values():
        assert len(executor._shapes) <= most


def test_the_first_run_of_an_executor_that_keeps_tensors_is_told_so(runtime, monkeypatch):
    found, run = [], CpuExecutor.run

    def watched(self, ids):
        found.append(paddle.get_flags(KEPT)[KEPT])
        return run(self, ids)

    monkeypatch.setattr(CpuExecutor, "run", watched)
    before = paddle.get_flags(KEPT)
    runtime.run(IDS[:1])
    runtime.run(IDS)
    assert found == [-1.0, before[KEPT], before[KEPT], before[KEPT]]
    assert paddle.get_flags(KEPT) == before
