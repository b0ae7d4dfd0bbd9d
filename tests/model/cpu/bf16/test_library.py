import ml_dtypes
import numpy as np
import paddle
import paddle.nn.functional as F
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infoxlm.errors import UserError
from infoxlm.model.cpu.bf16 import library
from infoxlm.model.cpu.bf16.half import Half, narrow, scratch
from infoxlm.model.cpu.bf16.library import bf16_library, call_bf16
from infoxlm.model.cpu.spare import with_room_to_grow


def widened(x):
    return x.widened().numpy()


@given(
    rows=st.integers(1, 70), width=st.integers(1, 70), seed=st.integers(0, 99), biased=st.booleans()
)
@settings(deadline=None, max_examples=40)
def test_narrowing_rounds_to_the_nearest_even(rows, width, seed, biased):
    random = np.random.default_rng(seed)
    x = random.normal(0, 10, (rows, width)).astype(np.float32)
    bias = random.normal(0, 1, width).astype(np.float32)
    found = narrow(paddle.to_tensor(x), bias=paddle.to_tensor(bias) if biased else None)
    expected = (x + bias if biased else x).astype(ml_dtypes.bfloat16).astype(np.float32)
    np.testing.assert_array_equal(widened(found), expected)


def test_what_is_not_finite_stays_so():
    found = widened(narrow(paddle.to_tensor([[np.inf, -np.inf, np.nan, 3.4e38, 0.0]])))
    np.testing.assert_array_equal(found, [[np.inf, -np.inf, np.nan, np.inf, 0.0]])


@pytest.mark.parametrize("shape", [(1, 8), (3, 5000), (300, 1536)])
def test_gelu_and_its_gradient(shape):
    rows, width = shape
    x, bias, gradient = paddle.randn(shape) * 2, paddle.randn([width]), paddle.randn(shape)
    kept, out = Half.empty(*shape), Half.empty(*shape)
    call_bf16("gelu", rows, width, x, bias, kept, out)
    np.testing.assert_array_equal(widened(kept), widened(narrow(x + bias)))
    expected = F.gelu(x + bias).numpy()
    np.testing.assert_allclose(widened(out), expected, rtol=2**-8, atol=1e-6)
    again, of_x = Half.empty(*shape), Half.empty(*shape)
    call_bf16("gelu_gradient", rows * width, kept, gradient, again, of_x)
    theirs = kept.widened()
    theirs.stop_gradient = False
    fed = F.gelu(theirs)
    (fed * gradient).sum().backward()
    np.testing.assert_allclose(widened(again), fed.numpy(), rtol=2**-8, atol=1e-6)
    np.testing.assert_allclose(widened(of_x), theirs.grad.numpy(), rtol=2**-8, atol=1e-6)


def test_gelu_of_what_is_large_or_not_finite():
    x, out = paddle.to_tensor([[1e4, -1e4, 3e38, -0.0, np.nan, np.inf]]), Half.empty(1, 6)
    call_bf16("gelu", 1, 6, x, paddle.zeros([6]), None, out)
    found = widened(out)[0]
    np.testing.assert_array_equal(found[:4], widened(narrow(F.relu(x)))[0, :4])
    assert not np.isfinite(found[4:]).any()


@pytest.mark.parametrize("shape", [(1, 1), (5, 8), (900, 200)])
def test_rows_are_added_up(shape):
    x, factors = narrow(paddle.randn(shape)), paddle.randn([shape[0]])
    for each, weights in ((None, 1), (factors, factors.numpy()[:, None])):
        sums = paddle.ones([shape[1]])
        call_bf16("add_rows", *shape, x, each, sums)
        expected = 1 + (widened(x) * weights).sum(0)
        np.testing.assert_allclose(sums.numpy(), expected, rtol=1e-4, atol=1e-4)


def test_rooms_are_used_again():
    x = paddle.randn([3, 4])
    first = narrow(x, Half.reused("here", 3, 4))
    other = narrow(2 * x[:2], Half.reused("here", 2, 4))
    assert other.data_ptr() == first.data_ptr()
    assert (other.shape, other.widened().shape) == ((2, 4), [2, 4])
    np.testing.assert_array_equal(widened(other), 2 * widened(narrow(x))[:2])
    assert Half.reused("there", 2, 4).data_ptr() != first.data_ptr()


def test_scratch_is_the_same_room_as_long_as_it_is_large_enough():
    first = scratch(1000)
    assert scratch(10).data_ptr() == first.data_ptr()
    assert scratch(len(first) + 1).shape == [with_room_to_grow(len(first) + 1)]


@pytest.fixture
def loaded_anew():
    bf16_library.cache_clear()
    yield
    bf16_library.cache_clear()


def test_it_needs_the_compiler(loaded_anew, monkeypatch):
    monkeypatch.setattr(library, "find_compiler", lambda: None)
    with pytest.raises(UserError, match="no C compiler"):
        bf16_library()


def test_it_needs_compiled_operations(loaded_anew, monkeypatch):
    monkeypatch.setenv(library.SWITCH, "0")
    with pytest.raises(UserError, match=f"bf16 with {library.SWITCH}=0"):
        bf16_library()


def test_an_error_of_the_compiler_is_told(loaded_anew, monkeypatch, tmp_path):
    (tmp_path / "bf16.c").write_text("no C")
    monkeypatch.setattr(library, "BF16_SOURCE", tmp_path / "bf16.c")
    monkeypatch.setenv("INFOXLM_CACHE", str(tmp_path))
    with pytest.raises(UserError, match=r"amp=bf16: bf16.c: .*error"):
        bf16_library()
