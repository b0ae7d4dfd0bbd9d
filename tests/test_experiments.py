"""The claims of the experiments' folders about the library."""

from pathlib import Path

import numpy as np
import pytest

from infoxlm.data.sampler import EpochSampler

EXPERIMENTS = Path(__file__).parents[1] / "experiments"


@pytest.mark.parametrize("seed", [42, 43, 44])
def test_the_rows_given_to_pytorch_are_those_that_a_run_draws(seed):
    recorded = np.loadtxt(EXPERIMENTS / "xnli_e5_small" / f"rows-{seed}.txt", dtype=int)
    batches = EpochSampler(examples=54_961, size=256, seed=seed)
    drawn = np.concatenate([batches.rows(step) for step in range(80)])
    np.testing.assert_array_equal(drawn, recorded)
