import numpy as np
import paddle
import pytest

from infoxlm.deploy import paddle_executors
from infoxlm.deploy.checked_program import CheckedProgram
from infoxlm.deploy.paddle_executors import KEPT, Executor, OneDnnExecutor
from infoxlm.deploy.paddle_inference import Kind, load_predictor

IDS = np.random.default_rng(0).integers(4, 60, (12, 32))


@pytest.mark.parametrize(
    "shapes",
    [[(1, 12), (11, 2)], [(11, 2), (1, 12)], [(1, 21), (12, 1)], [(1, 11), (11, 1), (1, 11)]],
    ids=str,
)
def test_shapes_that_read_alike_are_told_apart(shapes, export, expected):
    program = CheckedProgram(export("fp32", False) / "inference.json")
    executor = OneDnnExecutor(load_predictor(program, "cpu", 1), keeps_tensors=False)
    for rows, width in shapes:
        ids = IDS[:rows, :width]
        assert np.abs(executor.run(ids) - expected(ids)).max() < 1e-5


@pytest.mark.parametrize("most", [256, 5])
def test_every_shape_is_scored_as_the_model_scores_it(most, runtime, expected, monkeypatch):
    monkeypatch.setattr(paddle_executors, "MOST_SHAPES", most)
    for rows in range(1, 13, 2):
        for width in range(1, 33, 3):
            ids = IDS[:rows, :width]
            assert np.abs(runtime.run(ids) - expected(ids)).max() < 1e-5
    assert len(runtime._executors[Kind.LARGE]._shapes) <= most


def test_the_first_run_of_an_executor_that_keeps_tensors_is_told_so(export, monkeypatch):
    found, run = [], Executor.run

    def watched(self, ids):
        found.append(paddle.get_flags(KEPT)[KEPT])
        return run(self, ids)

    monkeypatch.setattr(Executor, "run", watched)
    before = paddle.get_flags(KEPT)
    program = CheckedProgram(export("fp32", False) / "inference.json")
    for keeps_tensors in (True, False):
        executor = OneDnnExecutor(load_predictor(program, "cpu", 1), keeps_tensors)
        executor.run(IDS)
    assert found == [-1.0, before[KEPT], before[KEPT], before[KEPT]]
    assert paddle.get_flags(KEPT) == before
