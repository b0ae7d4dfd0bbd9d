import numpy as np
import paddle
import pytest

from infoxlm.model.cpu.dropout_mask import dropout_mask


def drawn(shape=(1000, 300), probability=0.1, pieces=4):
    mask = dropout_mask(shape, probability)
    step = -(-shape[0] // pieces)
    for piece in range(pieces):
        mask.draw(piece, slice(piece * step, (piece + 1) * step))
    return mask.values


@pytest.mark.parametrize("probability", [0.01, 0.1, 0.5, 0.9])
def test_frequency_and_mean(probability):
    paddle.seed(1)
    values = drawn(probability=probability)
    # Four standard deviations of 300,000 draws.
    allowed = 4 * (probability * (1 - probability) / values.size) ** 0.5
    assert abs((values == 0).mean() - probability) < allowed
    kept = values[values != 0]
    assert len(np.unique(kept)) == 1
    assert kept[0] == pytest.approx(1 / (1 - probability), rel=1e-3)


def test_pieces_rows_and_columns_are_independent():
    paddle.seed(1)
    values = drawn() != 0
    parts = np.split(values, 4)
    for other in parts[1:]:
        assert np.corrcoef(parts[0].ravel(), other.ravel())[0, 1] == pytest.approx(0, abs=0.02)
    assert values.mean(0).std() == pytest.approx((0.1 * 0.9 / 1000) ** 0.5, rel=0.2)
    assert values.mean(1).std() == pytest.approx((0.1 * 0.9 / 300) ** 0.5, rel=0.2)


def test_follows_paddles_seed():
    masks = []
    for seed in (5, 5, 6):
        paddle.seed(seed)
        masks += [drawn(), drawn()]
    np.testing.assert_array_equal(masks[0], masks[2])
    np.testing.assert_array_equal(masks[1], masks[3])
    for one, other in ((0, 1), (0, 4), (1, 5)):
        assert (masks[one] != masks[other]).mean() == pytest.approx(0.18, abs=0.01)


@pytest.mark.parametrize("shape", [(40, 8), (7, 3)])
def test_draws_as_numpys_generator(shape):
    """Runs of earlier versions drew with it."""
    paddle.seed(5)
    seed = int(paddle.randint(0, np.iinfo(np.int32).max, [1], dtype="int64"))
    generator = np.random.Generator(np.random.SFC64([seed, 0]))
    draws = generator.integers(0, 1 << 16, shape, dtype=np.uint16)
    paddle.seed(5)
    dropped = dropout_mask(shape, 0.25).draw(0, slice(None)) == 0
    np.testing.assert_array_equal(dropped, draws < 1 << 14)


def test_nothing_is_dropped():
    assert dropout_mask((2, 3), 0.0) is None
