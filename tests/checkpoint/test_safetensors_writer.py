import numpy as np
import paddle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open

from infoxlm.checkpoint.safetensors_reader import SafetensorsReader
from infoxlm.checkpoint.safetensors_writer import SafetensorsWriter, float32_array, write_tensors

shapes = st.lists(st.integers(1, 5), min_size=1, max_size=3).map(tuple)


@given(st.dictionaries(st.text("abc.é", min_size=1), shapes, max_size=5))
def test_the_library_reads_what_we_write(tmp_path_factory, named_shapes):
    rng = np.random.default_rng(0)
    state = {
        name: rng.normal(size=shape).astype(np.float32) for name, shape in named_shapes.items()
    }
    path = tmp_path_factory.mktemp("safetensors") / "model.safetensors"
    with SafetensorsWriter(path, named_shapes, "np") as writer:
        for name, array in state.items():
            # Fortran order: what a transposed view looks like in memory
            writer.write(name, np.asfortranarray(array))
    with safe_open(path, "np") as file:
        assert file.metadata() == {"format": "np"}
        assert set(file.keys()) == state.keys()
    reader = SafetensorsReader(path)
    assert reader.names == state.keys()
    for name, array in state.items():
        np.testing.assert_array_equal(reader.read(name, array.shape), array)


def test_a_missing_tensor_is_a_mistake(tmp_path):
    writer = SafetensorsWriter(tmp_path / "short", {"a": (2,), "b": (2,)}, "np")
    with pytest.raises(ValueError, match="b was not written"), writer:
        writer.write("a", np.zeros(2, np.float32))


@pytest.mark.parametrize(("name", "length"), [("b", 2), ("a", 3)])
def test_another_tensor_than_the_next_is_a_mistake(name, length, tmp_path):
    writer = SafetensorsWriter(tmp_path / "wrong", {"a": (2,), "b": (2,)}, "np")
    with pytest.raises(ValueError, match="not the tensor to write next"), writer:
        writer.write(name, np.zeros(length, np.float32))


def test_paddle_tensors_are_written_without_copies():
    tensor = paddle.arange(6, dtype="float32").reshape([2, 3])
    seen = float32_array(tensor)
    tensor[0, 0] = 7.0
    assert seen[0, 0] == 7.0
    assert float32_array(paddle.to_tensor([1.5], dtype="float64")).dtype == np.float32


def test_whole_numbers_stay_whole(tmp_path):
    state = {
        "hashes": np.array([[2**62 + 1, -(2**53) - 1]]),
        "half": np.ones(3, np.float16),
        "double": np.full(2, 0.1),
        "tensor": paddle.ones([2, 2]),
    }
    write_tensors(tmp_path / "state.safetensors", state, "np")
    with safe_open(tmp_path / "state.safetensors", "np") as file:
        found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    assert {name: x.dtype.name for name, x in found.items()} == {
        "hashes": "int64", "half": "float32", "double": "float32", "tensor": "float32"
    }  # fmt: skip
    np.testing.assert_array_equal(found["hashes"], state["hashes"])
    np.testing.assert_array_equal(found["double"], np.float32([0.1, 0.1]))
