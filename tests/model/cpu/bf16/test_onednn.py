import ctypes

import numpy as np
import paddle
import pytest

from infoxlm.errors import UserError
from infoxlm.model.cpu.bf16 import onednn
from infoxlm.model.cpu.bf16.half import narrow
from infoxlm.model.cpu.bf16.onednn import gemm, multiply


@pytest.mark.parametrize("shape", [(5, 7, 3), (64, 48, 96), (129, 384, 1536)])
@pytest.mark.parametrize("transpose_left", [False, True])
@pytest.mark.parametrize("transpose_right", [False, True])
@pytest.mark.parametrize("add", [False, True])
def test_products_sum_in_float32(shape, transpose_left, transpose_right, add):
    rows, columns, inner = shape
    left = narrow(paddle.randn([inner, rows] if transpose_left else [rows, inner]))
    right = narrow(paddle.randn([columns, inner] if transpose_right else [inner, columns]))
    out = paddle.ones([rows, columns])
    multiply(
        left, right, out, transpose_left=transpose_left, transpose_right=transpose_right, add=add
    )
    factors = [x.widened().numpy().astype(np.float64) for x in (left, right)]
    expected = (factors[0].T if transpose_left else factors[0]) @ (
        factors[1].T if transpose_right else factors[1]
    )
    np.testing.assert_allclose(out.numpy(), expected + add, rtol=0, atol=1e-5 * inner**0.5)


def test_factors_that_do_not_fit_are_refused():
    left, right = narrow(paddle.ones([2, 3])), narrow(paddle.ones([4, 5]))
    with pytest.raises(ValueError, match="have no product"):
        multiply(left, right, paddle.ones([2, 5]))


@pytest.fixture
def other_library():
    gemm.cache_clear()
    yield
    gemm.cache_clear()


def test_a_missing_library_is_refused_in_one_line(other_library, monkeypatch, tmp_path):
    monkeypatch.setattr(onednn, "LIBRARY", tmp_path / "libdnnl.so.3")
    with pytest.raises(UserError, match=r"amp=bf16: .*libdnnl.so.3 .*hardware.amp=none"):
        gemm()


def test_a_library_without_the_product_is_refused(other_library, monkeypatch):
    monkeypatch.setattr(onednn, "LIBRARY", onednn.PADDLE_LIBS / "libiomp5.so")
    with pytest.raises(UserError, match="has no such product"):
        gemm()


def test_another_major_version_is_refused(other_library, monkeypatch):
    monkeypatch.setattr(onednn, "MAJOR", 4)
    with pytest.raises(UserError, match=r"is oneDNN 3\.\d+, not 4"):
        gemm()


def test_what_onednn_refuses_is_an_error(monkeypatch):
    monkeypatch.setattr(onednn, "gemm", lambda: lambda *_: ctypes.c_int(2).value)
    with pytest.raises(RuntimeError, match="status 2"):
        multiply(narrow(paddle.ones([2, 2])), narrow(paddle.ones([2, 2])), paddle.ones([2, 2]))
