import os
import shutil

import pytest

from infoxlm.deploy.checked_program import CheckedProgram
from infoxlm.errors import UserError


@pytest.fixture(params=["fp32", "fp16"])
def folder(request, export, tmp_path):
    return shutil.copytree(export(request.param), tmp_path / "model")


def spoil(folder, change):
    file = folder / "inference.pdiparams"
    file.write_bytes(change(file.read_bytes()))


def test_values_may_be_any(folder):
    """Their place is checked; whether they are right is the manifest's to say."""
    spoil(folder, lambda content: content[:60] + bytes(80) + content[140:])
    assert CheckedProgram(folder / "inference.json").labels == 3


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda content: b"", r"does not hold \w+_0\.w_0|does not hold info"),
        (lambda content: content[:-1], r"has [\d,]+ bytes instead of [\d,]+"),
        (lambda content: content + b"\0", r"has [\d,]+ bytes instead of [\d,]+"),
        (lambda content: b"\1" + content[1:], "where it belongs"),
        (lambda content: content[:4] + b"\1" + content[5:], "where it belongs"),
        (lambda content: content[:16] + b"\xff" + content[17:], "where it belongs"),
        (lambda content: content[:23] + b"\x7f" + content[24:], "where it belongs"),
        (lambda content: content[: len(content) // 2], "where it belongs|instead of"),
        (lambda content: content[400:], "where it belongs"),
    ],
)
def test_parameters_that_are_not_the_program_s(folder, change, problem):
    spoil(folder, change)
    with pytest.raises(UserError, match=rf"inference\.pdiparams cannot be loaded: .*({problem})"):
        CheckedProgram(folder / "inference.json")


def test_missing_files(folder):
    (folder / "inference.pdiparams").unlink()
    with pytest.raises(UserError, match=r"inference\.pdiparams is missing"):
        CheckedProgram(folder / "inference.json")
    os.mkfifo(folder / "inference.pdiparams")  # which would be waited for
    with pytest.raises(UserError, match=r"inference\.pdiparams is missing"):
        CheckedProgram(folder / "inference.json")
    with pytest.raises(UserError, match=r"other\.json cannot be read: No such file"):
        CheckedProgram(folder / "other.json")
