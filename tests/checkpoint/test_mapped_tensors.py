"""Reading a safetensors file leaves none of it in memory but the tensors."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from infoxlm.checkpoint import mapped_tensors
from infoxlm.checkpoint.mapped_tensors import MappedTensors


def resident_file_pages() -> int:
    """Bytes of mapped files that count as this process's memory."""
    return 1024 * int(re.search(r"RssFile:\s+(\d+)", Path("/proc/self/status").read_text())[1])


@pytest.fixture
def tensors() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "large": rng.random((2048, 2048), np.float32),
        "half": rng.random((3, 5)).astype(np.float16),
    }


@pytest.fixture
def path(tensors, tmp_path) -> Path:
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "np"})
    return tmp_path / "model.safetensors"


@pytest.mark.parametrize("piece", [1 << 24, 1 << 20, 5000, 7])
def test_tensors_are_what_the_library_wrote(piece, path, tensors, monkeypatch):
    monkeypatch.setattr(mapped_tensors, "PIECE", piece)
    found = MappedTensors(path)
    assert found.metadata == {"format": "np"}
    assert set(found.keys()) == set(tensors)
    for name, values in tensors.items():
        np.testing.assert_array_equal(found.get_tensor(name), values)
        assert found.get_slice(name).get_shape() == list(values.shape)
    assert found.get_slice("half").get_dtype() == "F16"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_pages_are_given_back(path, tensors):
    found = MappedTensors(path)
    found.get_tensor("half")  # whatever the library itself needs
    before = resident_file_pages()
    kept = found.get_tensor("large")
    assert kept.nbytes == 16 << 20
    assert resident_file_pages() - before < 1 << 20
