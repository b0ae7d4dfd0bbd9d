import numpy as np
import paddle
import pytest

from infoxlm.deploy import Predictor
from infoxlm.deploy.paddle_inference import KEPT, matrix_bytes, multiple_for, shapes_kept


@pytest.mark.parametrize(
    ("hidden", "blocks", "megabytes", "shapes", "multiple"),
    [(384, 12, 84, 12, 8), (768, 12, 339, 3, 32), (1024, 24, 1207, 1, 96)],
    ids=["e5_small", "base", "large"],
)
def test_as_many_widths_as_copies_of_the_matrices(hidden, blocks, megabytes, shapes, multiple):
    config = {
        "hidden_size": hidden, "intermediate_size": 4 * hidden, "num_hidden_layers": blocks
    }  # fmt: skip
    assert matrix_bytes(config) // 10**6 == megabytes
    assert shapes_kept(config) == shapes
    assert multiple_for(shapes) == multiple


def test_small_inputs_come_in_few_widths(export, monkeypatch):
    runtime = Predictor.load(export("fp32", False)).runtime
    widths, run = set(), runtime._small.run

    def watched(ids):
        widths.add(ids.shape[1])
        return run(ids)

    monkeypatch.setattr(runtime._small, "run", watched)
    ids = np.random.default_rng(0).integers(4, 60, (1, 32))
    alone = {width: runtime.run(ids[:, :width]) for width in range(4, 33)}
    assert widths == {8, 16, 24, 32}
    for width, logits in alone.items():
        exact = runtime._large.run(ids[:, :width])
        assert np.abs(exact - logits).max() < 1e-5


def test_large_inputs_have_the_executor_that_frees(export, monkeypatch):
    runtime = Predictor.load(export("fp32", False)).runtime
    ids = np.random.default_rng(0).integers(4, 60, (8, 32))
    expected = np.concatenate([runtime.run(ids[row : row + 1]) for row in range(8)])
    monkeypatch.setattr(runtime, "_small", None)
    assert np.abs(runtime.run(ids) - expected).max() < 1e-5


def test_flags_are_put_back(export):
    before = paddle.get_flags(KEPT)
    Predictor.load(export("fp32", False))
    assert paddle.get_flags(KEPT) == before


def test_an_exported_model_drops_nothing(export):
    """Dropout's operations would stay in the graph as copies."""
    program = (export("fp32", False) / "inference.json").read_text()
    assert "matmul" in program
    assert "dropout" not in program
