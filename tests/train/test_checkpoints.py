import json
import logging
import os
import shutil

import pytest

from infoxlm import InfoXLMForSequenceClassification, InfoXLMTokenizer
from infoxlm.errors import UserError
from infoxlm.files.manifest import MANIFEST, check_manifest
from infoxlm.train.checkpoints import Checkpoints, link_or_copy
from infoxlm.train.training_state import STATE_FILE, TrainingState

WEIGHTS = "model.safetensors"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "checkpoints"


def writer(step, mark=None):
    """Fills a folder with what stands for a checkpoint of a step."""

    def write(folder):
        (folder / WEIGHTS).write_text(f"weights {step if mark is None else mark}")
        TrainingState(step=step, last_eval_step=step).write(folder)

    return write


def save(checkpoints, *steps, best=(), to_resume=()):
    for step in steps:
        checkpoints.save(step, writer(step), is_best=step in best, to_resume=step in to_resume)


def content(folder):
    """The checkpoints in a folder, whole ones all of them, and the step of each."""
    found = {}
    for path in folder.iterdir():
        check_manifest(path)
        found[path.name] = TrainingState.read(path).step
        assert (path / WEIGHTS).read_text() == f"weights {found[path.name]}"
    return found


@pytest.mark.parametrize(
    ("keep", "left"), [(0, []), (1, [30]), (2, [20, 30]), (9, [9, 10, 20, 30])]
)
def test_the_newest_and_the_best_are_kept(keep, left, folder):
    save(Checkpoints(folder, keep), 9, 10, 20, 30, best=(9, 10))
    assert content(folder) == {"best": 10, **{f"step-{step}": step for step in left}}


@pytest.mark.parametrize(("keep", "left"), [(0, [20]), (1, [20]), (2, [10, 20]), (9, [9, 10, 20])])
def test_one_to_resume_from_is_kept_until_the_next(keep, left, folder):
    checkpoints = Checkpoints(folder, keep)
    save(checkpoints, 9, 10, 20, best=(9,), to_resume=(20,))
    assert content(folder) == {"best": 9, **{f"step-{step}": step for step in left}}
    save(checkpoints, 30, best=(30,))
    assert content(folder)["best"] == 30
    assert ("step-20" in content(folder)) == (keep > 1)


def test_the_best_takes_no_space(folder):
    save(Checkpoints(folder, 1), 5, best=(5,))
    for name in (WEIGHTS, STATE_FILE, MANIFEST):
        assert (folder / "best" / name).samefile(folder / "step-5" / name)


def test_a_saved_model_is_one_to_load(folder, tiny_model, sentencepiece_file):
    model = tiny_model()

    def write(part):
        model.save_pretrained(part)
        InfoXLMTokenizer(sentencepiece_file).save_pretrained(part)

    Checkpoints(folder, 1).save(5, write, is_best=True)
    loaded = InfoXLMForSequenceClassification.from_pretrained(folder / "best")
    for (name, ours), (_, theirs) in zip(
        loaded.named_parameters(), model.named_parameters(), strict=True
    ):
        assert (ours == theirs).all(), name
    tokenizer = InfoXLMTokenizer.from_pretrained(folder / "step-5")
    assert tokenizer.vocab_size == model.config.vocab_size


def test_saving_a_step_again_replaces_it(folder):
    checkpoints = Checkpoints(folder, 2)
    checkpoints.save(5, writer(5, "first"), is_best=True)
    checkpoints.save(5, writer(5, "second"), is_best=False)
    assert sorted(path.name for path in folder.iterdir()) == ["best", "step-5"]
    assert (folder / "best" / WEIGHTS).read_text() == "weights first"
    assert (folder / "step-5" / WEIGHTS).read_text() == "weights second"
    checkpoints.save(5, writer(5), is_best=True)
    assert content(folder) == {"best": 5, "step-5": 5}


def test_the_newest_usable_is_the_one_with_the_most_steps(folder):
    checkpoints = Checkpoints(folder, 3)
    assert checkpoints.newest_usable() is None
    save(checkpoints, 9, 10, best=(9,))
    assert checkpoints.newest_usable() == folder / "step-10"


def test_a_best_that_is_newer_than_all_others_is_found(folder):
    save(Checkpoints(folder, 2), 9)
    save(Checkpoints(folder, 2), 10, best=(10,))
    shutil.rmtree(folder / "step-10")
    assert Checkpoints(folder, 2).newest_usable() == folder / "best"
    save(Checkpoints(folder, 0), 12, best=(12,))
    assert Checkpoints(folder, 0).newest_usable() == folder / "best"


def test_of_a_step_and_a_best_of_one_content_the_step_comes_first(folder):
    save(Checkpoints(folder, 2), 9, 10, best=(10,))
    assert Checkpoints(folder, 2).newest_usable() == folder / "step-10"


def flip(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


DAMAGES = {
    "flipped byte": (WEIGHTS, flip),
    "cut off": (WEIGHTS, lambda path: os.truncate(path, 3)),
    "missing": (WEIGHTS, lambda path: path.unlink()),
    "state cut off": (STATE_FILE, lambda path: os.truncate(path, 30)),
    "state missing": (STATE_FILE, lambda path: path.unlink()),
    "state of other content": (STATE_FILE, lambda path: path.write_text("[1]")),
    "no manifest": (MANIFEST, lambda path: path.unlink()),
    "manifest cut off": (MANIFEST, lambda path: os.truncate(path, 9)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_one_is_named_and_passed_over(damage, folder, caplog):
    file, harm = DAMAGES[damage]
    checkpoints = Checkpoints(folder, 3)
    save(checkpoints, 8, 9, 10, best=(8,))
    harm(folder / "step-10" / file)
    assert checkpoints.newest_usable() == folder / "step-9"
    (message,) = caplog.messages
    assert str(folder / "step-10" / file) in message
    harm(folder / "step-9" / file)
    shutil.rmtree(folder / "step-8")
    assert checkpoints.newest_usable() == folder / "best"
    harm(folder / "best" / file)
    assert checkpoints.newest_usable() is None
    assert str(folder / "best" / file) in caplog.text


def test_after_damage_the_new_ones_are_kept_and_not_the_damaged(folder):
    checkpoints = Checkpoints(folder, 1)
    save(checkpoints, 8, best=(8,))
    save(checkpoints, 10)
    flip(folder / "step-10" / WEIGHTS)
    assert checkpoints.newest_usable() == folder / "best"
    save(checkpoints, 9)
    assert content(folder) == {"best": 8, "step-9": 9}
    assert checkpoints.newest_usable() == folder / "step-9"


def test_folders_of_the_user_s_own_are_left_alone(folder):
    checkpoints = Checkpoints(folder, 1)
    save(checkpoints, 8)
    shutil.copytree(folder / "step-8", folder / "step-8-before-lunch")
    save(checkpoints, 10)
    assert sorted(path.name for path in folder.iterdir()) == ["step-10", "step-8-before-lunch"]
    assert checkpoints.newest_usable() == folder / "step-10"


def test_a_failed_step_is_never_gone_on_from(folder, caplog):
    checkpoints = Checkpoints(folder, 1)
    assert checkpoints.save_failed(writer(10)) == folder / "failed_step"
    assert checkpoints.newest_usable() is None
    save(checkpoints, 9)
    checkpoints.save_failed(writer(11))
    assert content(folder) == {"failed_step": 11, "step-9": 9}
    with caplog.at_level(logging.WARNING):
        assert checkpoints.newest_usable() == folder / "step-9"
    assert caplog.messages == []


def test_a_folder_that_cannot_be_written_is_an_error(folder):
    folder.write_text("a file is in the way")
    with pytest.raises(UserError, match=r"step-7 cannot be written: .* hydra.run.dir"):
        save(Checkpoints(folder, 1), 7)
    with pytest.raises(UserError, match=r"failed_step cannot be written"):
        Checkpoints(folder, 1).save_failed(writer(7))


def test_the_manifest_is_no_list_of_other_checkpoints(folder):
    save(Checkpoints(folder, 1), 5, best=(5,))
    listed = json.loads((folder / "best" / MANIFEST).read_text())["files"]
    assert set(listed) == {WEIGHTS, STATE_FILE}


def test_files_are_copied_where_links_do_not_exist(tmp_path, monkeypatch):
    def refuse(source, target):
        raise PermissionError("no links here")

    (tmp_path / "a").write_text("text")
    monkeypatch.setattr(os, "link", refuse)
    link_or_copy(str(tmp_path / "a"), str(tmp_path / "b"))
    assert (tmp_path / "b").read_text() == "text"
    assert not (tmp_path / "b").samefile(tmp_path / "a")
