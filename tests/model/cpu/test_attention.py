import numpy as np
import paddle
import paddle.nn.functional as F
import pytest

from infoxlm.model.cpu import Packing, attention

pytestmark = pytest.mark.usefixtures("kernels")

HEADS = 4


def hiding(batch: int, length: int) -> paddle.Tensor:
    """A bias that hides the last positions, one more in each sequence."""
    bias = np.zeros((batch, 1, 1, length), np.float32)
    for row in range(batch):
        bias[row, ..., length - row :] = np.finfo(np.float32).min
    return paddle.to_tensor(bias)


def theirs(query, key, value, bias):
    def by_head(states):
        return states.reshape([0, 0, HEADS, -1]).transpose([0, 2, 1, 3])

    scores = paddle.matmul(by_head(query) / key.shape[-1] ** 0.5 * 2, by_head(key), False, True)
    mixed = paddle.matmul(F.softmax(scores + bias), by_head(value))
    return mixed.transpose([0, 2, 1, 3]).flatten(2)


@pytest.mark.parametrize(
    ("batch", "queries", "length", "width"),
    [(3, 7, 7, 16), (3, 1, 7, 16), (1, 1, 1, 8), (4, 150, 150, 64)],
)
def test_same_as_paddle(assert_same, batch, queries, length, width):
    bias = hiding(batch, length)
    assert_same(
        lambda *states: attention(*states, bias, heads=HEADS, dropout=0.0),
        lambda *states: theirs(*states, bias),
        (batch, queries, width),
        (batch, length, width),
        (batch, length, width),
    )


def test_a_sequence_that_nothing_is_asked_of_learns_nothing():
    packing = Packing.of(np.array([3, 40, 5]))
    part = packing.part(np.arange(48) < 3)
    arrays = [np.random.default_rng(0).normal(size=(x, 16)).astype(np.float32) for x in (3, 48, 48)]
    for _ in range(5):  # memory that was used before holds other numbers
        query, key, value = (paddle.to_tensor(x, stop_gradient=False) for x in arrays)
        attention(query, key, value, part, heads=HEADS, dropout=0.0).square().sum().backward()
        for states in (key, value):
            assert bool((states.grad[:3] != 0).any())
            assert not bool((states.grad[3:] != 0).any())
        used = [paddle.full([48, 16], 1e30) for _ in range(50)]
        del used, query, key, value


def test_dropout_and_its_gradient():
    """With values of one a state is the sum of the weights that were kept."""
    paddle.seed(1)
    length, width = 400, 8
    query, key = (paddle.randn([2, length, width]) for _ in range(2))
    value = paddle.ones([2, length, width])
    for states in (query, key, value):
        states.stop_gradient = False
    bias = paddle.zeros([2, 1, 1, length])

    def mixed(query, value):
        paddle.seed(4)
        return attention(query, key, value, bias, heads=HEADS, dropout=0.1)

    out = mixed(query, value)
    assert float(out.mean()) == pytest.approx(1.0, abs=0.003)
    assert float(out.std()) > 0.01
    # The same mask is drawn after the same seed, so a difference quotient is the derivative.
    direction = paddle.randn(query.shape)
    of_query, _, _ = paddle.grad((out[0] ** 2).sum(), [query, key, value])
    slope = float((of_query * direction).sum())
    ahead, behind = (
        mixed(query + by * direction, value)[0].numpy().astype(np.float64) for by in (1e-2, -1e-2)
    )
    quotient = float(((ahead - behind) * (ahead + behind)).sum() / 2e-2)
    assert slope == pytest.approx(quotient, rel=0.02)
