import numpy as np
import pytest

from infoxlm.deploy.checked_program import CheckedProgram
from infoxlm.deploy.export import ExportOptions, export_model
from infoxlm.deploy.paddle_executors import CpuExecutor
from infoxlm.deploy.paddle_inference import load_predictor

RANDOM = np.random.default_rng(0)


@pytest.fixture
def single_row(export):
    """Runs the program for a single row."""

    def runner(folder=None):
        program = CheckedProgram((folder or export("fp32", False)) / "inference_single_row.json")
        return CpuExecutor(load_predictor(program, "cpu", 2, onednn=False), keeps_tensors=True).run

    return runner


def test_sequences_of_any_length_are_scored_as_the_model_scores_them(single_row, expected):
    run = single_row()
    for length in [*range(1, 39), 5, 38, 1]:
        ids = RANDOM.integers(4, 60, (1, length))
        assert np.abs(run(ids) - expected(ids)).max() < 1e-5


@pytest.mark.parametrize("heads", [1, 2, 16])
def test_heads_of_any_size(heads, single_row, make_checkpoint, tmp_path):
    """The exporter compares, and would fail."""
    checkpoint = make_checkpoint(num_attention_heads=heads, hidden_size=64)
    export_model(checkpoint, tmp_path / "model", ExportOptions())
    assert single_row(tmp_path / "model")(np.array([[0, 9, 2]])).shape == (1, 3)


def test_half_stored_parameters_serve_both_programs(export, single_row):
    folder = export("fp16", False)
    runs = [single_row(folder), single_row()]
    ids = RANDOM.integers(4, 60, (1, 20))
    half, full = (run(ids) for run in runs)
    assert 0 < np.abs(half - full).max() < 0.05
