import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from infoxlm.checkpoint.sharded_weights import open_safetensors, read_index
from infoxlm.checkpoint.weights_file import WeightsFile, weight_files
from infoxlm.errors import UserError

STATE = {name: np.arange(i, 6 + i, dtype=np.float32).reshape(2, 3) for i, name in enumerate("abcd")}
FIRST, SECOND = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
PLACES = {"a": FIRST, "b": FIRST, "c": SECOND, "d": SECOND}


@pytest.fixture
def write(tmp_path):
    """Writes a folder of two files and an index, with changes."""

    def written(file_format="np", places=PLACES, weight_map=PLACES, more=()):
        for file in set(places.values()):
            state = {name: STATE.get(name, np.zeros(1)) for name in places if places[name] == file}
            save_file(state, tmp_path / file, metadata={"format": file_format})
        for file in more:
            save_file({"x": np.zeros(1)}, tmp_path / file, metadata={"format": file_format})
        index = tmp_path / "model.safetensors.index.json"
        index.write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
        return index

    return written


def test_several_files_read_as_one(write, tmp_path):
    tensors = open_safetensors(write())
    assert sorted(tensors.keys()) == sorted(STATE)
    weights = WeightsFile.find(tmp_path)
    assert weights.names == STATE.keys()
    for name, values in STATE.items():
        np.testing.assert_array_equal(weights.read(name, (2, 3)), values)
        weights.check(name, (2, 3))
        with pytest.raises(UserError, match=rf"{name} has shape \[2, 3\]"):
            weights.check(name, (3, 2))
    assert weight_files(tmp_path) == [tmp_path / FIRST, tmp_path / SECOND]


def test_layout_is_that_of_the_files(write, tmp_path):
    index = write("pt")
    with pytest.raises(UserError, match="holds PyTorch weights"):
        WeightsFile.find(tmp_path)
    save_file({"c": STATE["c"], "d": STATE["d"]}, tmp_path / SECOND, metadata={"format": "np"})
    with pytest.raises(UserError, match="names files of the formats np and pt"):
        open_safetensors(index)


def test_one_file_is_preferred_to_several(write, tmp_path):
    write()
    save_file({"a": STATE["d"]}, tmp_path / "model.safetensors", metadata={"format": "np"})
    np.testing.assert_array_equal(WeightsFile.find(tmp_path).read("a", (2, 3)), STATE["d"])
    assert weight_files(tmp_path) == [tmp_path / "model.safetensors"]


def test_missing_and_unknown_files(write, tmp_path):
    index = write(more=["model-00003-of-00003.safetensors"])
    with pytest.raises(UserError, match="does not name model-00003-of-00003.safetensors"):
        read_index(index)
    (tmp_path / "model-00003-of-00003.safetensors").unlink()
    (tmp_path / SECOND).unlink()
    with pytest.raises(UserError, match=f"index.json names {SECOND}, which is missing"):
        open_safetensors(index)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"places": PLACES | {"b": SECOND}}, f"{FIRST} has no b, which .* puts there"),
        ({"weight_map": {x: PLACES[x] for x in "abd"}}, f"{SECOND} has c, which .* does not put"),
        ({"places": PLACES | {"e": SECOND}}, f"{SECOND} has e, which .* does not put there"),
        ({"weight_map": PLACES | {"a": "../a.safetensors"}}, "names '../a.safetensors', which is"),
        ({"weight_map": {}}, "is damaged: its weight_map is empty"),
        ({"weight_map": PLACES | {"a": 1}}, "is damaged: its weight_map does not name"),
        ({"weight_map": None}, "is damaged"),
    ],
)
def test_files_that_do_not_fit_the_index(changes, told, write):
    index = write(**changes)
    with pytest.raises(UserError, match=told) as error:
        open_safetensors(index)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", ["", "[]", "{}", '"weight_map"', '{"weight_map": [1]}'])
def test_damaged_index(content, write):
    index = write()
    index.write_text(content)
    with pytest.raises(UserError, match="index.json is damaged"):
        open_safetensors(index)


def test_damaged_file(write, tmp_path):
    index = write()
    (tmp_path / SECOND).write_bytes((tmp_path / SECOND).read_bytes()[:-1])
    with pytest.raises(UserError, match=f"{SECOND} is damaged"):
        open_safetensors(index)


def test_pickles_in_several_files_are_refused(tmp_path):
    (tmp_path / "model_state.pdparams.index.json").write_text("{}")
    with pytest.raises(UserError, match="several pickles .*safe_serialization=True"):
        WeightsFile.find(tmp_path)
