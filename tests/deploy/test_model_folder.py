import json
import shutil
from pathlib import Path

import pytest

from infoxlm.deploy.model_folder import ModelFolder
from infoxlm.errors import UserError
from infoxlm.files.cache import default_cache_dir


def changed(folder, target, **entries):
    """A copy of a folder with other entries in its config.json; None removes one."""
    shutil.copytree(folder, target, ignore=shutil.ignore_patterns("manifest.json"))
    config = json.loads((target / "config.json").read_text()) | entries
    kept = {key: value for key, value in config.items() if value is not None}
    (target / "config.json").write_text(json.dumps(kept))
    return target


def test_checkpoint(checkpoint):
    folder = ModelFolder.open(checkpoint)
    assert folder.is_checkpoint
    assert folder.inference.labels == ("contradiction", "entailment", "neutral")
    assert folder.tokenizer(1).vocab_size == folder.config["vocab_size"]


def test_the_best_checkpoint_of_a_run(checkpoint, tmp_path):
    best = tmp_path / "run" / "checkpoints" / "best"
    shutil.copytree(checkpoint, best)
    assert ModelFolder.open(tmp_path / "run").path == best


def test_labels_keep_the_order_of_their_ids(export, tmp_path):
    words = {"2": "c", "0": "a", "10": "k", **{str(n): str(n) for n in (1, *range(3, 10))}}
    folder = ModelFolder.open(changed(export("fp32", False), tmp_path / "many", id2label=words))
    assert folder.inference.labels == ("a", "1", "c", *"3456789", "k")


def test_no_labels(export, tmp_path):
    with pytest.raises(UserError, match="nameless/config.json does not name the labels"):
        ModelFolder.open(changed(export("fp32", False), tmp_path / "nameless", id2label=None))


def test_lengths(checkpoint, tmp_path):
    assert ModelFolder.open(checkpoint).usable_length(None) == 32
    silent = ModelFolder.open(changed(checkpoint, tmp_path / "silent", train_max_length=None))
    assert silent.usable_length(None) == 38
    assert silent.usable_length(8) == 8
    for wrong in (0, 7, 39):
        with pytest.raises(UserError, match=f"max_length={wrong}, but the model takes 8 to 38"):
            silent.usable_length(wrong)


def test_tokenizer_of_another_model(export, tmp_path):
    folder = ModelFolder.open(changed(export("fp32", False), tmp_path / "small", vocab_size=100))
    with pytest.raises(UserError, match="the model has 100 word embeddings, its tokenizer"):
        folder.tokenizer(1)


def test_cache_is_that_of_the_configurations(compose, monkeypatch, tmp_path):
    monkeypatch.setenv("INFOXLM_CACHE", "/somewhere")
    assert default_cache_dir() == Path("/somewhere")
    monkeypatch.delenv("INFOXLM_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    config = compose("predict", "model.checkpoint=a", "text=b")
    assert default_cache_dir() == Path(config.cache_dir)
