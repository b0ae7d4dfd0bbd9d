"""Pickles: nothing but arrays is made of them, whatever is in them."""

import os
import pickle
import random
from pathlib import Path

import numpy as np
import pytest

EVALUATE = "evaluate model.checkpoint=model data=sample data.eval_languages=[en]"
TO_TORCH = "convert source=model target=new/torch direction=to_torch"
TO_PADDLE = "convert source=model target=new/paddle"

MATRIX = "roberta.encoder.layer.0.attention.self.query.weight"


@pytest.fixture(autouse=True)
def without_safetensors(model):
    """Leaves room for a pickle of weights in the folder `model`."""
    (model / "model.safetensors").unlink()


class Malicious:
    """Object whose pickle makes a folder when it is loaded as pickles are."""

    def __reduce__(self):
        return os.mkdir, ("proof",)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_paddle_pickle_never_runs_code(refused, model, protocol):
    # Nobody writes arrays with protocols 0 and 1: not even the names in such files are read.
    named = ["wants to run posix.mkdir", "Do not use this file"] if protocol > 1 else []
    for content in (Malicious(), {"a": Malicious()}, {MATRIX: np.array([Malicious()])}):
        payload = pickle.dumps(content, protocol)
        (model / "model_state.pdparams").write_bytes(payload)
        for line in (EVALUATE, TO_TORCH):
            refused(line, ["model/model_state.pdparams ", *named])
    pickle.loads(payload)
    Path("proof").rmdir()  # the payload is a real one


@pytest.mark.parametrize("form", ["zip", "legacy", "bare pickle"])
def test_pytorch_pickle_never_runs_code(refused, model, form):
    torch = pytest.importorskip("torch")
    file = model / "pytorch_model.bin"
    for content in (Malicious(), {"a": Malicious()}, {"a": torch.zeros(2), "b": Malicious()}):
        if form == "bare pickle":
            file.write_bytes(pickle.dumps(content, protocol=2))
        else:
            torch.save(content, file, _use_new_zipfile_serialization=form == "zip")
        for line in (EVALUATE, TO_PADDLE):
            if form == "bare pickle":  # no file of torch.save: nothing in it is looked at
                refused(line, ["pytorch_model.bin"])
            else:
                refused(line, ["pytorch_model.bin wants to run posix.mkdir", "Do not use this"])
    if form != "bare pickle":
        torch.load(file, weights_only=False)
        Path("proof").rmdir()  # the payload is a real one


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", ["is damaged", "Make or fetch it again"]),
        (b"PK", ["is damaged", "Make or fetch it again"]),
        (random.Random(1).randbytes(300), ["is damaged", "Make or fetch it again"]),
        (pickle.dumps({"a": np.zeros(3)})[:-9], ["is damaged", "Make or fetch it again"]),
        (pickle.dumps([1, 2]), ["something else than arrays by name", "state_dict() alone"]),
        (pickle.dumps({1: np.zeros(3)}), ["something else than arrays by name", "state_dict()"]),
        (pickle.dumps({}), ["has no roberta.embeddings.word_embeddings.weight", "Give a whole"]),
        (b"cnumpy\nndarray\n(I99999999999\ntR.", ["is damaged", "Make or fetch it again"]),
    ],
    ids=["empty", "zip", "random", "cut", "list", "numbers", "nothing", "more than memory"],
)
def test_paddle_pickles(refused, model, content, named):
    (model / "model_state.pdparams").write_bytes(content)
    refused(EVALUATE, ["model/model_state.pdparams", *named])


@pytest.mark.parametrize("kind", ["empty", "zip", "random", "list", "numbers", "int8", "sparse"])
def test_pytorch_pickles(refused, model, kind):
    torch = pytest.importorskip("torch")
    file = model / "pytorch_model.bin"
    whole = "cannot be loaded as plain tensors"
    contents = {
        "empty": (b"", whole), "zip": (b"PK", whole), "random": (b"\xf5" * 99, whole),
        "list": ([torch.zeros(2)], "something else than tensors by name"),
        "numbers": ({"a": 3}, "something else than tensors by name"),
        "int8": ({"a": torch.zeros(2, dtype=torch.int8)}, "has no roberta.embeddings"),
        "sparse": ({"a": torch.zeros(2, 2).to_sparse()}, "has no roberta.embeddings"),
    }  # fmt: skip
    content, told = contents[kind]
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        torch.save(content, file)
    refused(TO_PADDLE, ["model/pytorch_model.bin", told])
