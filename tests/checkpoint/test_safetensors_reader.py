import numpy as np
import pytest

from infoxlm.checkpoint.safetensors_reader import SafetensorsReader
from infoxlm.checkpoint.safetensors_writer import write_tensors
from infoxlm.errors import UserError


@pytest.mark.parametrize("keep", [0, 4, 30, -1])
def test_a_cut_file_is_refused(keep, tmp_path):
    path = tmp_path / "model.safetensors"
    write_tensors(path, {"a": np.zeros(9, np.float32)}, "np")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match="not a whole safetensors file"):
        SafetensorsReader(path)
