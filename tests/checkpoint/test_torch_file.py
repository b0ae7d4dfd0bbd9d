"""Files of torch.save are read without PyTorch: tensors by value, objects not at all."""

import argparse
import decimal

import numpy as np
import pytest

from infoxlm.checkpoint.torch_file import TorchFile
from infoxlm.checkpoint.torch_pickle import Inert, StoredTensor
from infoxlm.errors import UserError

torch = pytest.importorskip("torch")


@pytest.fixture(params=[True, False], ids=["archive", "old"])
def save(request, tmp_path):
    def write(content):
        path = tmp_path / "model.pt"
        torch.save(content, path, _use_new_zipfile_serialization=request.param)
        return path

    return write


def test_tensors_of_every_type_and_layout(save):
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    tensors = {
        "plain": base,
        "transposed": base.T,
        "part": base[1:3, 2:],
        "half": base.half(),
        "bfloat16": base.bfloat16(),
        "double": base.double(),
        "whole": base.long(),
        "number": torch.tensor(3.5),
        "none": torch.zeros(0, 3),
        "parameter": torch.nn.Parameter(base + 1),
    }
    file = TorchFile(save({"model": tensors}))
    for name, tensor in tensors.items():
        described = file.content["model"][name]
        assert isinstance(described, StoredTensor)
        expected = tensor.detach()
        np.testing.assert_array_equal(
            file.read(described).astype(np.float64), expected.double().numpy(), err_msg=name
        )


def test_objects_are_not_made(save):
    file = TorchFile(save({"args": argparse.Namespace(layers=3), "size": torch.Size([2])}))
    assert isinstance(file.content["args"], Inert)
    assert file.content["args"].state == {"layers": 3}
    assert file.content["size"].name == "torch.Size"


def test_other_names_are_refused(save):
    with pytest.raises(UserError, match="wants to run decimal.Decimal"):
        TorchFile(save({"x": decimal.Decimal(1)}))


def test_files_that_are_cut_short_are_refused(save):
    path = save({"x": torch.ones(1000)})
    whole = path.read_bytes()
    for size in (0, 10, 300, len(whole) // 2, len(whole) - 8):
        path.write_bytes(whole[:size])
        with pytest.raises(UserError, match="damaged"):
            TorchFile(path)
