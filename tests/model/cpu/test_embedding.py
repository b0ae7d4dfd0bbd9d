import numpy as np
import paddle
import paddle.nn.functional as F
import pytest

from infoxlm.model.cpu.embedding import embedding


@pytest.fixture
def table():
    weight = paddle.randn([50, 8])
    weight.stop_gradient = False
    return weight


def gradient(look, table, times=1):
    """The table's gradient when ids that repeat are looked up, each place weighted otherwise."""
    table.clear_gradient(False)
    random = np.random.default_rng(3)
    for _ in range(times):
        ids = paddle.to_tensor(random.integers(10, 20, (4, 7)))
        weights = paddle.to_tensor(random.standard_normal((4, 7, 8)).astype(np.float32))
        (look(ids, table) * weights).sum().backward()
    return table.grad.numpy()


def test_looks_up_what_paddle_does(table):
    ids = paddle.to_tensor([[3, 49], [0, 3]])
    np.testing.assert_array_equal(embedding(ids, table).numpy(), F.embedding(ids, table).numpy())


@pytest.mark.parametrize("times", [1, 3])
def test_gradients_add_up_as_paddles_do(table, times):
    found, expected = gradient(embedding, table, times), gradient(F.embedding, table, times)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    assert np.abs(expected[10:20]).max() > 1
    assert not found[:10].any()
    assert not found[20:].any()


def test_gradients_that_come_another_way_are_added_to(table):
    """As a language model's, whose last product is with the same table."""
    ids = paddle.to_tensor([3, 3, 7])
    found = []
    for look in (embedding, F.embedding):
        table.clear_gradient(False)
        rows = look(ids, table)
        (rows @ table.T).exp().mean().backward()
        found.append(table.grad.numpy())
    np.testing.assert_allclose(found[0], found[1], rtol=1e-5, atol=1e-6)


def test_a_frozen_table_has_no_gradient(table):
    ids = paddle.to_tensor([3])
    with paddle.no_grad():
        assert embedding(ids, table).stop_gradient
    table.stop_gradient = True
    assert embedding(ids, table).stop_gradient
    assert table.grad is None
