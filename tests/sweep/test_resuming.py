import pytest

from infoxlm.errors import UserError
from infoxlm.sweep.resuming import resumed_words
from infoxlm.sweep.sweep_record import SweepRecord

WORDS = ["model=tiny", "-m", "seed=1,2", "+launcher=joblib", "hydra.launcher.n_jobs=2"]


@pytest.fixture
def sweep(tmp_path):
    SweepRecord("train", [*WORDS, "hydra.sweep.dir=old"], str(tmp_path), "now").write(tmp_path)
    return tmp_path


def test_words_of_another_run_stay(sweep):
    assert resumed_words(WORDS, "train") is None


@pytest.mark.parametrize("given", [[], ["--multirun"], ["-m", "seed=1,2"], WORDS])
def test_sweep_is_run_again_in_its_folder(given, sweep):
    words = resumed_words([*given, f"sweep.resume={sweep}"], "train")
    assert words == [
        "model=tiny", "seed=1,2", "+launcher=joblib", "hydra.launcher.n_jobs=2", "--multirun",
        f"hydra.sweep.dir='{sweep}'", "hydra.callbacks.output_folder.resumed=true",
    ]  # fmt: skip


def test_another_launcher_may_go_on(sweep):
    words = resumed_words([f"sweep.resume={sweep}", "hydra/launcher=basic"], "train")
    assert words[:3] == ["model=tiny", "seed=1,2", "hydra/launcher=basic"]


@pytest.mark.parametrize(
    ("command", "given", "named"),
    [
        ("train", ["seed=1,2,3"], "seed=1,2,3 with sweep.resume=.*Leave it out: infoxlm train"),
        ("evaluate", [], "a sweep of `infoxlm train`.*infoxlm train --multirun"),
        ("train", ["sweep.resume=nowhere"], "folder .*nowhere does not exist.*outputs/sweeps"),
        ("train", ["sweep.resume="], "sweep.resume is empty"),
    ],
)
def test_refusals(command, given, named, sweep):
    with pytest.raises(UserError, match=named):
        resumed_words([f"sweep.resume={sweep}", *given], command)


@pytest.mark.parametrize("text", ["{", "[]", '{"command": "train"}', '{"x": 1}'])
def test_damaged_record(text, sweep):
    (sweep / "sweep.json").write_text(text)
    with pytest.raises(UserError, match="sweep.json is damaged"):
        resumed_words([f"sweep.resume={sweep}"], "train")


def test_folder_that_is_no_sweep(tmp_path):
    with pytest.raises(UserError, match="it has no sweep.json"):
        resumed_words([f"sweep.resume={tmp_path}"], "train")
