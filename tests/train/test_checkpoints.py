import os

import numpy as np
import pytest

from infoxlm import InfoXLMForSequenceClassification, InfoXLMTokenizer
from infoxlm.errors import UserError
from infoxlm.train.checkpoints import Checkpoints, link_or_copy


@pytest.fixture
def checkpoints(tmp_path, sentencepiece_file):
    def make(keep):
        return Checkpoints(tmp_path / "checkpoints", InfoXLMTokenizer(sentencepiece_file), keep)

    return make


@pytest.fixture(scope="module")
def model(tiny_model):
    return tiny_model()


def names(checkpoints):
    """What lies in the folder, hidden names too."""
    return sorted(path.name for path in checkpoints.folder.iterdir())


def mark(model, value):
    """Make a model that can be told apart."""
    model.classifier.out_proj.bias.set_value(np.full(3, value, np.float32))
    return model


def marked(folder):
    return float(
        InfoXLMForSequenceClassification.from_pretrained(folder).classifier.out_proj.bias[0]
    )


@pytest.mark.parametrize(
    ("keep", "left"),
    [
        (0, ["best"]),
        (1, ["best", "step-30"]),
        (2, ["best", "step-20", "step-30"]),
        (9, ["best", "step-10", "step-20", "step-30", "step-9"]),
    ],
)
def test_the_newest_and_the_best_are_kept(keep, left, checkpoints, model):
    kept = checkpoints(keep)
    for step, is_best in ((9, True), (10, True), (20, False), (30, False)):
        kept.save(step, mark(model, step), is_best)
    assert names(kept) == left
    assert marked(kept.best) == 10
    for name in left[1:]:
        assert marked(kept.folder / name) == int(name.removeprefix("step-"))


def test_a_checkpoint_is_whole_and_the_best_takes_no_space(checkpoints, model):
    kept = checkpoints(1)
    kept.save(5, model, is_best=True)
    files = {"config.json", "model.safetensors", "sentencepiece.bpe.model", "tokenizer_config.json"}
    for name in ("best", "step-5"):
        assert files <= {path.name for path in (kept.folder / name).iterdir()}
    for file in files:
        assert (kept.best / file).samefile(kept.folder / "step-5" / file)
    tokenizer = InfoXLMTokenizer.from_pretrained(kept.best)
    assert tokenizer.vocab_size == model.config.vocab_size


def test_saving_a_step_again_replaces_it(checkpoints, model):
    kept = checkpoints(2)
    kept.save(5, mark(model, 1), is_best=True)
    kept.save(5, mark(model, 2), is_best=False)
    assert names(kept) == ["best", "step-5"]
    assert (marked(kept.best), marked(kept.folder / "step-5")) == (1, 2)


def test_a_folder_that_cannot_be_written_is_an_error(checkpoints, model):
    kept = checkpoints(1)
    kept.folder.write_text("a file is in the way")
    with pytest.raises(UserError, match=r"step-7 cannot be written: .* hydra.run.dir"):
        kept.save(7, model, is_best=True)


@pytest.mark.parametrize("failing", ["model", "tokenizer"])
def test_a_disk_that_fills_up_leaves_the_older_ones_and_nothing_half(
    failing, checkpoints, model, monkeypatch
):
    kept = checkpoints(1)
    kept.save(1, mark(model, 1), is_best=True)

    def full(folder):
        (folder / "half").write_text("x")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(model if failing == "model" else kept._tokenizer, "save_pretrained", full)
    with pytest.raises(UserError, match="step-2 cannot be written: No space left on device"):
        kept.save(2, model, is_best=True)
    assert names(kept) == ["best", "step-1"]
    assert marked(kept.best) == 1


def test_files_are_copied_where_links_do_not_exist(tmp_path, monkeypatch):
    def refuse(source, target):
        raise PermissionError("no links here")

    (tmp_path / "a").write_text("text")
    monkeypatch.setattr(os, "link", refuse)
    link_or_copy(str(tmp_path / "a"), str(tmp_path / "b"))
    assert (tmp_path / "b").read_text() == "text"
    assert not (tmp_path / "b").samefile(tmp_path / "a")
