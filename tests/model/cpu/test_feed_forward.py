import paddle
import pytest

from infoxlm.model.cpu import feed_forward, fuses_here
from infoxlm.model.cpu.feed_forward import ROWS


@pytest.mark.parametrize(("width", "inner"), [(32, 128), (384, 1536)])
def test_same_as_paddle(kernels, width, inner):
    if kernels == "numpy":
        assert not fuses_here(paddle.ones([ROWS, width]), training=False)
        return
    states = paddle.randn([3, 211, width])
    first, second = paddle.randn([width, inner]) / 8, paddle.randn([inner, width]) / 8
    biases = paddle.randn([inner]), paddle.randn([width])
    found = feed_forward(states, first, biases[0], second, biases[1])
    between = paddle.nn.functional.gelu(states @ first + biases[0])
    expected = between @ second + biases[1]
    assert float((found - expected).abs().max()) < 2e-5 * float(expected.abs().max())


def test_where_nothing_is_learned_and_rows_are_many():
    many, few = paddle.ones([ROWS, 8]), paddle.ones([ROWS - 1, 8])
    assert not fuses_here(many, training=False)
    with paddle.no_grad():
        assert not fuses_here(many, training=True)
        assert not fuses_here(few, training=False)
        assert not fuses_here(many.astype("float64"), training=False)
