import numpy as np
import paddle
import pytest

from infoxlm.model.cpu.arrays import array_of, is_cpu_fp32, tensor_of


def test_neither_way_copies():
    tensor = paddle.arange(12, dtype="float32").reshape([3, 4])
    array = array_of(tensor)
    tensor[1, 2] = -5.0
    assert array[1, 2] == -5.0
    with pytest.raises(ValueError, match="read-only"):
        array[0, 0] = 1.0
    mine = np.zeros((2, 3), np.float32)
    back = tensor_of(mine)
    mine[1, 1] = 7.0
    np.testing.assert_array_equal(back.numpy(), [[0, 0, 0], [0, 7, 0]])


def test_memory_outlives_what_it_came_from():
    arrays = [array_of(paddle.full([1000], float(i))) for i in range(50)]
    tensors = [tensor_of(np.full(1000, i, np.float32)) for i in range(50)]
    for i in range(50):
        assert (arrays[i] == i).all()
        assert bool((tensors[i] == i).all())


def test_transposed_tensors_keep_their_values():
    tensor = paddle.arange(24, dtype="float32").reshape([2, 3, 4]).transpose([2, 0, 1])
    np.testing.assert_array_equal(array_of(tensor), tensor.numpy())


def test_applies_to_fp32_only():
    assert is_cpu_fp32(paddle.zeros([2]))
    assert not is_cpu_fp32(paddle.zeros([2], "float64"))
    assert not is_cpu_fp32(paddle.zeros([2], "int64"))
    paddle.enable_static()
    try:
        assert not is_cpu_fp32(paddle.static.data("x", [2], "float32"))
    finally:
        paddle.disable_static()
