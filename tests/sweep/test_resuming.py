import pytest

from infoxlm.errors import UserError
from infoxlm.sweep.resuming import lengthened, resumed_words
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


def test_another_launcher_may_resume(sweep):
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


def record(folder, *words, jobs=()):
    SweepRecord("train", list(words), str(folder), "now", True, list(jobs)).write(folder)
    return f"sweep.resume={folder}"


def test_launching_is_changed_key_by_key(sweep):
    words = resumed_words([f"sweep.resume={sweep}", "hydra.launcher.n_jobs=4"], "train")
    assert words[:4] == ["model=tiny", "seed=1,2", "+launcher=joblib", "hydra.launcher.n_jobs=4"]


def test_a_search_is_made_longer(tmp_path):
    words = ["+sweep=optuna", "hydra.sweeper.n_trials=4", "seed=choice(1,2)"]
    named = record(tmp_path, *words, jobs=[["seed=1"]] * 4)
    longer = resumed_words([named, "hydra.sweeper.n_trials=8"], "train")
    assert longer[:3] == ["+sweep=optuna", "hydra.sweeper.n_trials=8", "seed=choice(1,2)"]
    kept = lengthened(SweepRecord.read(tmp_path), longer)
    assert kept == ["+sweep=optuna", "hydra.sweeper.n_trials=8", "seed=choice(1,2)"]
    assert resumed_words([named, "hydra.sweeper.n_trials=4"], "train")[:3] == words
    with pytest.raises(UserError, match="the search has 4 trials already"):
        resumed_words([named, "hydra.sweeper.n_trials=3"], "train")


def test_number_of_trials_by_default_is_made_longer(tmp_path):
    named = record(tmp_path, "+sweep=optuna")
    longer = resumed_words([named, "hydra.sweeper.n_trials=30"], "train")
    assert longer[:2] == ["+sweep=optuna", "hydra.sweeper.n_trials=30"]
    assert lengthened(SweepRecord.read(tmp_path), longer) == longer[:2]


def test_what_is_not_taken_from_a_folder_is_named_and_may_be_typed(tmp_path):
    named = record(tmp_path, "seed=1,2", "name=x_${seed}", "hydra.verbose=true")
    with pytest.raises(UserError, match="not taken from a folder.*'name=x_.{seed}' hydra.verbose"):
        resumed_words([named], "train")
    with pytest.raises(UserError, match="written: hydra.verbose=true. Look"):
        resumed_words([named, "name=x_${seed}"], "train")
    words = resumed_words([named, "name=x_${seed}", "hydra.verbose=true"], "train")
    assert words[:3] == ["seed=1,2", "name=x_${seed}", "hydra.verbose=true"]
    words = resumed_words([named, "name=another", "hydra.verbose=false"], "train")
    assert words[:3] == ["seed=1,2", "name=another", "hydra.verbose=false"]


def test_all_words_of_a_key_are_replaced_by_what_is_typed(tmp_path):
    named = record(tmp_path, "hydra.verbose=true", "seed=1,2", "+hydra.verbose=x")
    words = resumed_words([named, "hydra.verbose=false"], "train")
    assert words[:3] == ["hydra.verbose=false", "seed=1,2", "hydra.verbose=false"]


def test_typed_launcher_replaces_what_would_not_be_taken(tmp_path):
    named = record(tmp_path, "seed=1,2", "+launcher=ray", "hydra.launcher.ray.init.address=auto")
    with pytest.raises(UserError, match="address=auto"):
        resumed_words([named], "train")
    assert resumed_words([named, "+launcher=joblib"], "train")[:2] == [
        "seed=1,2", "+launcher=joblib",
    ]  # fmt: skip
    words = resumed_words([named, "hydra.launcher.ray.init.address=host:6379"], "train")
    assert words[1:3] == ["+launcher=ray", "hydra.launcher.ray.init.address=host:6379"]


def test_where_the_sweep_was_does_not_matter(tmp_path):
    named = record(tmp_path, "seed=1,2", "hydra.sweep.dir=x_${seed}", "hydra.sweep.subdir=a")
    assert resumed_words([named], "train")[:2] == ["seed=1,2", "--multirun"]


def test_words_are_shown_without_what_a_terminal_acts_upon(tmp_path):
    named = record(tmp_path, "+mine=\x1b[1m\u202eb")
    with pytest.raises(UserError) as caught:
        resumed_words([named], "train")
    assert r"'+mine=\x1b[1m\u202eb'" in str(caught.value)


DAMAGED = '{"command": "train", "words": [], "directory": "", "started": "", %s}'


@pytest.mark.parametrize(
    "text",
    ["7", "null", '{"command": 7}', DAMAGED % '"command": "mine"', DAMAGED % '"words": [1]',
     DAMAGED % '"words": "m"', DAMAGED % '"jobs": [[["a=1"]]]', DAMAGED % '"jobs": {"0": []}',
     DAMAGED % '"searches": 1', DAMAGED % f'"started": 1{"0" * 200}', "[" * 3000 + "]" * 3000],
    ids=lambda text: text[-30:],
)  # fmt: skip
def test_record_of_other_types_is_damaged(text, tmp_path):
    (tmp_path / "sweep.json").write_text(text)
    with pytest.raises(UserError, match="sweep.json is damaged") as caught:
        resumed_words([f"sweep.resume={tmp_path}"], "train")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["{", "[]", '{"command": "train"}', '{"x": 1}'])
def test_damaged_record(text, sweep):
    (sweep / "sweep.json").write_text(text)
    with pytest.raises(UserError, match="sweep.json is damaged"):
        resumed_words([f"sweep.resume={sweep}"], "train")


def test_folder_that_is_no_sweep(tmp_path):
    with pytest.raises(UserError, match="it has no sweep.json"):
        resumed_words([f"sweep.resume={tmp_path}"], "train")
