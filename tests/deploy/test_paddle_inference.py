import shutil

import numpy as np
import pytest

from infoxlm.constants import PAD_ID
from infoxlm.deploy import paddle_inference
from infoxlm.deploy.paddle_inference import SMALL_TOKENS, Kind, PaddleInference

IDS = np.random.default_rng(0).integers(4, 60, (12, 32))


@pytest.fixture
def cpu(monkeypatch):
    """Says what the CPU can do."""

    def says(*words):
        monkeypatch.setattr(paddle_inference, "cpu_words", lambda: set(words))

    says(*paddle_inference.AVX512)
    return says


def test_a_single_row_has_a_program_of_its_own(cpu, runtime, expected):
    assert not runtime._executors
    padded = np.pad(IDS[:1], ((0, 0), (0, 3)), constant_values=PAD_ID)
    for ids, kind in (
        (IDS[:1], Kind.SINGLE_ROW),
        (padded, Kind.LARGE),
        (IDS[:2, :4], Kind.LARGE),
        (np.tile(IDS[:1, :4], (1, 32)), Kind.SINGLE_ROW),
        (np.tile(IDS[:1, :3], (1, 43)), Kind.LARGE),
    ):
        assert runtime._kind_for(ids) is kind
        if ids.shape[1] < 38:
            assert np.abs(runtime.run(ids) - expected(ids)).max() < 1e-5
    assert list(runtime._executors) == [Kind.SINGLE_ROW, Kind.LARGE]


@pytest.mark.parametrize("why", ["an older export", "an older CPU"])
def test_elsewhere_small_inputs_keep_their_tensors(why, export, cpu, expected, tmp_path):
    folder = shutil.copytree(export("fp32", False), tmp_path / "model")
    if why == "an older CPU":
        cpu("avx2")
    else:
        (folder / "inference_single_row.json").unlink()
    runtime = PaddleInference(folder / "inference.json", "cpu", 2)
    for ids in (IDS[:1], IDS[: SMALL_TOKENS // 32], IDS[:5]):
        assert np.abs(runtime.run(ids) - expected(ids)).max() < 1e-5
    small, large = runtime._executors[Kind.SMALL], runtime._executors[Kind.LARGE]
    assert (small.keeps_tensors, large.keeps_tensors) == (True, False)
    assert len(runtime._executors) == 2


def test_a_clone_begins_without_executors(runtime, expected):
    runtime.run(IDS)
    other = runtime.clone()
    assert not other._executors
    for each in (other, runtime, other.clone()):
        assert np.abs(each.run(IDS[:2]) - expected(IDS[:2])).max() < 1e-5
