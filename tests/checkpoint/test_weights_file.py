import os
import pickle
import resource
from contextlib import contextmanager

import ml_dtypes
import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from infoxlm.checkpoint.weights_file import (
    WeightsFile,
    safetensors_format,
    write_weights,
)
from infoxlm.errors import UserError

PROTOCOLS = (2, 3, 4)  # what paddle.save can write
STATE = {"a.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "a.bias": np.ones(3, np.float32)}


class Malice:
    """Unpickling this runs a command."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.system, (f"touch {self.target}",)


def test_written_weights_are_marked_as_paddle_s_and_read_back(tmp_path):
    path = write_weights(tmp_path, STATE)
    assert path == tmp_path / "model.safetensors"
    with safe_open(path, "np") as file:
        assert file.metadata() == {"format": "np"}
    weights = WeightsFile.find(tmp_path)
    assert weights.names == STATE.keys()
    np.testing.assert_array_equal(weights.read("a.weight", (2, 3)), STATE["a.weight"])
    with pytest.raises(UserError, match=r"a.weight has shape \[2, 3\].* asks for \[3, 2\]"):
        weights.read("a.weight", (3, 2))


def test_transformers_refuses_our_layout(tmp_path):
    transformers = pytest.importorskip("transformers")
    write_weights(tmp_path, STATE)
    transformers.XLMRobertaConfig().save_pretrained(tmp_path)
    with pytest.raises((OSError, ValueError), match="Incompatible safetensors file|np"):
        transformers.XLMRobertaModel.from_pretrained(tmp_path)


def test_pickled_arrays_are_read(tmp_path):
    import paddle

    tensors = {name: paddle.to_tensor(value) for name, value in STATE.items()}
    paddle.save(tensors, str(tmp_path / "model_state.pdparams"))
    weights = WeightsFile.find(tmp_path)
    assert weights.names >= STATE.keys()
    for name, value in STATE.items():
        np.testing.assert_array_equal(weights.read(name, value.shape), value)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_arrays_of_every_protocol_are_read(protocol, tmp_path):
    (tmp_path / "model_state.pdparams").write_bytes(pickle.dumps(STATE, protocol))
    weights = WeightsFile.find(tmp_path)
    for name, value in STATE.items():
        np.testing.assert_array_equal(weights.read(name, value.shape), value)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_pickle_that_runs_code_is_refused_and_does_not_run(protocol, tmp_path):
    proof = tmp_path / "ran"
    payload = pickle.dumps({**STATE, "b": Malice(proof)}, protocol)
    (tmp_path / "model_state.pdparams").write_bytes(payload)
    with pytest.raises(
        UserError, match=r"model_state.pdparams wants to run posix.system.*Do not use"
    ):
        WeightsFile.find(tmp_path)
    assert not proof.exists()
    pickle.loads(payload)
    assert proof.exists()  # the payload is a real one


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a pickle",
        pickle.dumps(STATE)[:-20],
        pickle.dumps([1, 2]),
        pickle.dumps({1: np.zeros(3)}),
    ],
    ids=["empty", "text", "cut", "list", "numbered"],
)
def test_a_damaged_pickle_is_an_error_of_one_line(content, tmp_path):
    (tmp_path / "model_state.pdparams").write_bytes(content)
    with pytest.raises(UserError, match=r"pdparams (is damaged|holds something else)"):
        WeightsFile.find(tmp_path)


@pytest.mark.parametrize("keep", [0, 5, 60, -1])
def test_a_damaged_safetensors_file_is_an_error(keep, tmp_path):
    path = write_weights(tmp_path, STATE)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match=r"model.safetensors is damaged"):
        WeightsFile.find(tmp_path)


def test_pytorch_s_layout_is_refused_with_the_command_that_helps(tmp_path):
    save_file(STATE, tmp_path / "model.safetensors", metadata={"format": "pt"})
    assert safetensors_format(tmp_path / "model.safetensors") == "pt"
    with pytest.raises(UserError, match=f"PyTorch weights. Run `infoxlm convert source={tmp_path}"):
        WeightsFile.find(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(UserError, match="has neither model.safetensors nor model_state.pdparams"):
        WeightsFile.find(tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(UserError, match="PyTorch weights. Run `infoxlm convert"):
        WeightsFile.find(tmp_path)


@contextmanager
def full_disk():
    """No file can grow beyond 10,000 bytes, which fails as a full disk does.

    Not a fixture: pytest itself writes between a test's end and its fixtures', perhaps to a file.
    """
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_full_disk_is_an_os_error_and_keeps_what_was_there(tmp_path):
    write_weights(tmp_path, STATE)
    with pytest.raises(OSError, match="[Ff]ile too large"), full_disk():
        write_weights(tmp_path, {"a.weight": np.zeros(100_000, np.float32)})
    assert load_file(tmp_path / "model.safetensors").keys() == STATE.keys()
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]


@pytest.mark.parametrize("kind", ["safetensors", "pdparams"])
def test_bfloat16_is_widened(kind, tmp_path):
    values = np.array([1.0, -2.0, 0.5], ml_dtypes.bfloat16)
    if kind == "safetensors":
        save_file({"a": values}, tmp_path / "model.safetensors", metadata={"format": "np"})
    else:  # Paddle pickles the bits
        content = pickle.dumps({"a": values.view(np.uint16)}, protocol=4)
        (tmp_path / "model_state.pdparams").write_bytes(content)
    read = WeightsFile.find(tmp_path).read("a", (3,))
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, [1.0, -2.0, 0.5])


def test_what_does_not_say_whose_layout_it_has_is_not_taken_for_paddle_s(tmp_path):
    save_file({"a": np.zeros(3, np.float32)}, tmp_path / "model.safetensors")
    with pytest.raises(UserError, match="holds PyTorch weights"):
        WeightsFile.find(tmp_path)
