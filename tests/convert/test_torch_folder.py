import json
import os
import sys
import warnings

import numpy as np
import pytest
from safetensors.numpy import save_file

from infoxlm.convert.torch_folder import read_torch_folder
from infoxlm.errors import UserError


@pytest.fixture
def folder(tiny_state, torch_folder):
    return torch_folder(tiny_state())


@pytest.fixture
def pickle_folder(folder):
    (folder / "model.safetensors").unlink()
    return folder


def refused(folder, message):
    with pytest.raises(UserError, match=message) as error:
        read_torch_folder(folder)
    assert "\n" not in str(error.value)


def test_paddle_weights_are_refused(folder, tiny_state):
    save_file(tiny_state(), folder / "model.safetensors", metadata={"format": "np"})
    refused(folder, "is in Paddle's layout already")


def test_cut_weights_are_refused(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    refused(folder, "not a whole safetensors file")


def test_no_weights(folder):
    (folder / "model.safetensors").unlink()
    refused(folder, "has neither model.safetensors nor pytorch_model.bin")


@pytest.mark.parametrize("content", [b"", b"version https://git-lfs.github.com/spec/v1", b"PK\3\4"])
def test_files_that_are_no_pickles_are_refused(content, pickle_folder):
    pytest.importorskip("torch")
    (pickle_folder / "pytorch_model.bin").write_bytes(content)
    refused(pickle_folder, r"pytorch_model\.bin cannot be loaded as plain tensors")


def test_pickles_in_several_files(pickle_folder, tiny_state):
    torch = pytest.importorskip("torch")
    state = tiny_state()
    names, places = sorted(state), {}
    for index in (1, 2):
        part = {name: torch.tensor(state[name]).half() for name in names[index - 1 :: 2]}
        file = f"pytorch_model-0000{index}-of-00002.bin"
        torch.save(part, pickle_folder / file)
        places |= dict.fromkeys(part, file)
    index = pickle_folder / "pytorch_model.bin.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": places}))
    tensors = read_torch_folder(pickle_folder).tensors
    assert tensors.names == state.keys()
    for name, values in state.items():
        np.testing.assert_array_equal(tensors.read(name, values.shape), values.astype("f2"))
    index.write_text(json.dumps({"weight_map": places | {"more": file}}))
    refused(pickle_folder, f"{file} has no more, which .* puts there")
    (pickle_folder / file).unlink()
    refused(pickle_folder, f"names {file}, which is missing")


class Malicious:
    def __reduce__(self):
        return os.putenv, ("INFOXLM_TEST_RAN", "1")


def test_a_pickle_never_runs_code(pickle_folder, monkeypatch):
    torch = pytest.importorskip("torch")
    ran = []
    torch.save({"a": Malicious()}, pickle_folder / "pytorch_model.bin")
    monkeypatch.setattr(os, "putenv", lambda *arguments: ran.append(arguments))
    refused(pickle_folder, r"pytorch_model\.bin wants to run (posix|os)\.putenv.*Do not use")
    assert not ran


@pytest.mark.parametrize("kind", ["int8", "qint8", "float8_e4m3fn", "float64", "sparse", "meta"])
def test_tensors_that_are_no_dense_floats_are_named(kind, pickle_folder, tiny_state):
    torch = pytest.importorskip("torch")
    tensor = torch.ones(16, 16)
    if kind == "qint8":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tensor = torch.quantize_per_tensor(tensor, 0.1, 0, torch.qint8)
    elif kind == "sparse":
        tensor = tensor.to_sparse()
    else:
        tensor = tensor.to(getattr(torch, kind, kind))
    torch.save({"a": tensor}, pickle_folder / "pytorch_model.bin")
    tensors = read_torch_folder(pickle_folder).tensors
    with pytest.raises(
        UserError, match=rf"pytorch_model\.bin: a is of type .*{kind}.*Give weights"
    ):
        tensors.read("a", (16, 16))


def test_a_pickle_of_something_else_is_refused(pickle_folder):
    torch = pytest.importorskip("torch")
    torch.save({"state_dict": {"a": torch.zeros(1)}}, pickle_folder / "pytorch_model.bin")
    refused(pickle_folder, "something else than tensors by name")


def test_without_torch_the_extra_is_named(pickle_folder, monkeypatch):
    (pickle_folder / "pytorch_model.bin").touch()
    monkeypatch.setitem(sys.modules, "torch", None)
    refused(pickle_folder, r"infoxlm\[torch\]")


def test_safetensors_need_no_torch(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert len(read_torch_folder(folder).tensors.names) == 37
