import numpy as np
import pytest

from infoxlm.model import InfoXLMConfig
from infoxlm.train.work import Work, training_operations


def test_operations_of_the_base_model():
    """85 million weights in the blocks, six operations a weight and token, and the attention."""
    shape = InfoXLMConfig(hidden_size=768, intermediate_size=3072, num_hidden_layers=12)
    weights = 12 * (4 * 768**2 + 2 * 768 * 3072)
    assert weights == pytest.approx(85e6, rel=0.01)
    of_one = training_operations(np.array([45]), shape)
    assert of_one == 6 * (weights * 45 + 12 * 2 * 768 * 45**2)
    of_three = training_operations(np.array([45, 45, 45]), shape)
    assert of_three == 3 * of_one


def test_padding_is_no_work():
    shape = InfoXLMConfig(
        hidden_size=8, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2
    )
    work = Work()
    work.add(np.array([4, 10, 6]), shape, max_tokens=20, max_rows=None)
    # The longest first: 10 and 6 in one batch of 2 x 10, then 4 alone.
    assert (work.pairs, work.tokens, work.positions) == (3, 20, 24)
    work.add(np.array([5]), shape, max_tokens=20, max_rows=None)
    lengths = np.array([4, 10, 6, 5])
    report = work.report(2.0, machine=1e6)
    assert report == {
        "pairs": 4,
        "pairs_per_second": 2.0,
        "tokens_per_pair": 6.25,
        "padding_share": pytest.approx(4 / 29),
        "gflop_per_second": pytest.approx(training_operations(lengths, shape) / 2e9),
        "machine_gflop_per_second": 1e-3,
        "share_of_machine": pytest.approx(training_operations(lengths, shape) / 2e6),
    }
    assert "share_of_machine" not in work.report(2.0, None)
