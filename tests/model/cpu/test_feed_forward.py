import numpy as np
import paddle
import pytest

from infoxlm.model.cpu import feed_forward
from infoxlm.model.cpu.feed_forward import ROWS

pytestmark = pytest.mark.usefixtures("kernels")


def matrices(width, inner):
    random = np.random.default_rng(width)
    shapes = ((width, inner), (inner,), (inner, width), (width,))
    return [
        paddle.to_tensor(random.normal(0, 0.2, shape).astype(np.float32), stop_gradient=False)
        for shape in shapes
    ]


def theirs(states, first, first_bias, second, second_bias):
    return paddle.nn.functional.gelu(states @ first + first_bias) @ second + second_bias


@pytest.mark.parametrize(("width", "inner"), [(32, 128), (384, 1536)])
def test_same_as_paddle_where_nothing_is_learned(kernels, width, inner):
    states = paddle.randn([3, 211, width])
    given = matrices(width, inner)
    with paddle.no_grad():
        found = feed_forward(states, *given, training=False)
        expected = theirs(states, *given)
    if kernels == "numpy":
        assert found is None
    else:
        assert float((found - expected).abs().max()) < 2e-5 * float(expected.abs().max())


@pytest.mark.parametrize("shape", [(1, 8), (700, 8), (3, 5, 8)])
def test_same_as_paddle_with_all_gradients(kernels, shape):
    results = []
    for compute in (feed_forward, theirs):
        given = matrices(8, 24)
        paddle.seed(3)
        states = paddle.randn(shape)
        states.stop_gradient = False
        for _ in range(2):  # the second one's are added to the first one's
            options = {"training": True} if compute is feed_forward else {}
            out = compute(states, *given, **options)
            if out is None:
                assert kernels == "numpy"
                return
            (out * out).sum().backward()
        results.append([out.numpy(), states.grad.numpy(), *(x.grad.numpy() for x in given)])
    for found, expected in zip(*results, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=2e-4)


@pytest.mark.parametrize("frozen", range(4))
def test_frozen_parameters_have_no_gradient(kernels, frozen):
    given, states = matrices(8, 24), paddle.randn([6, 8])
    states.stop_gradient = False
    given[frozen].stop_gradient = True
    out = feed_forward(states, *given, training=True)
    if kernels == "compiled":
        out.sum().backward()
        assert [x.grad is None for x in given] == [number == frozen for number in range(4)]


def test_where_it_is_worth_it(kernels):
    given = matrices(8, 24)
    many, few = paddle.ones([ROWS, 8]), paddle.ones([ROWS - 1, 8])
    # Nothing before it is learned: Paddle has to see the parameters.
    assert feed_forward(few, *given, training=True) is None
    with paddle.no_grad():
        assert (feed_forward(many, *given, training=False) is None) == (kernels == "numpy")
        assert feed_forward(many, *given, training=True) is None
        assert feed_forward(few, *given, training=False) is None
        assert feed_forward(many.astype("float64"), *given, training=False) is None
