import json
import logging
import shutil
import signal

import pytest

from infoxlm.commands import evaluate, repeat, train
from infoxlm.errors import UserError
from infoxlm.stopping import Interrupted


def edited(folder, name, change):
    """Change a JSON file of a run's folder in place."""
    content = json.loads((folder / name).read_text())
    change(content)
    (folder / name).write_text(json.dumps(content))


@pytest.fixture
def copied(trained, tmp_path):
    """A copy of the finished run, for spoiling."""
    return shutil.copytree(trained.folder, tmp_path / "run")


@pytest.fixture
def repeated(compose, tmp_path):
    """Repeats a run and gives what repeat.json says."""

    def again(run, *overrides):
        folder = tmp_path / "again"
        repeat.run(compose("repeat", f"run={run}", *overrides), folder)
        return json.loads((folder / "repeat.json").read_text())

    return again


def test_training_run_from_its_folder_alone(trained, repeated, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    found = repeated(trained.folder)
    assert found["same"] is True
    assert found["differences"] == {}
    assert {check["part"]: check["same"] for check in found["checks"]} == {
        "training losses": True,
        "logged scores": True,
        "predictions": True,
        "best checkpoint's weights": True,
    }
    assert found["checks"][0]["finding"] == "6 equal"
    assert "The same to the bit" in capsys.readouterr().out
    # The repetition is a run itself, and has the configuration of the first.
    records = [
        json.loads((folder / "run.json").read_text())["config"]
        for folder in (trained.folder, tmp_path / "again")
    ]
    assert records[0] == records[1]


def test_evaluation(trained, compose, repeated, tmp_path, capsys):
    config = compose(
        "evaluate", f"model.checkpoint={trained.folder}", "data=sample", "split=dev",
        "data.limit_eval=3", "data.eval_languages=[en,sw]",
    )  # fmt: skip
    evaluate.run(config, tmp_path / "scored")
    found = repeated(tmp_path / "scored")
    assert found["same"] is True
    parts = [check["part"] for check in found["checks"]]
    assert parts == ["logged scores", "predictions"]
    assert "The same: logged scores, predictions." in capsys.readouterr().out


def test_other_result_beside_what_is_different(copied, repeated, capsys, caplog):
    def other_machine(record):
        record["packages"]["numpy"] = "1.0"

    lines = (copied / "metrics.jsonl").read_text().splitlines()
    losses = [n for n, line in enumerate(lines) if "train/loss" in line]
    logged = json.loads(lines[losses[2]])
    lines[losses[2]] = json.dumps(logged | {"train/loss": logged["train/loss"] + 1e-7})
    (copied / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    edited(copied, "run.json", other_machine)
    found = repeated(copied)
    assert found["same"] is False
    losses, *others = found["checks"]
    assert losses["finding"].startswith("1 of 6 differ, the first at step 3: ")
    assert losses["finding"].endswith("by at most 1e-07")
    assert all(check["same"] for check in others)
    assert found["differences"]["packages numpy"]["then"] == "1.0"
    assert "not as in the run: packages numpy (1.0 then" in caplog.text
    assert "Not the same: of the training losses, 1 of 6 differ" in capsys.readouterr().out


def test_moved_data_and_other_directory(tiny_config, repeated, tmp_path, monkeypatch):
    pair = "premise\thypothesis\tlabel\n" + "a b\tb c\tneutral\nc d\td e\tentailment\n" * 4
    for split in ("train", "dev", "test"):
        (tmp_path / "data" / split).mkdir(parents=True)
        (tmp_path / "data" / split / "en.tsv").write_text(pair)
    monkeypatch.chdir(tmp_path)
    config = tiny_config("data.root=data", "data.eval_languages=[en]", "trainer.max_steps=1")
    train.run(config, tmp_path / "run")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    # A relative path is meant from where the run was started.
    found = repeated(tmp_path / "run")
    assert found["same"] is True
    assert found["differences"] == {"data.root": {"then": "data", "now": str(tmp_path / "data")}}

    shutil.rmtree(tmp_path / "again")
    (tmp_path / "data").rename(tmp_path / "moved")
    with pytest.raises(UserError, match="the run's data cannot be read: data.root=data does not"):
        repeated(tmp_path / "run")
    assert repeated(tmp_path / "run", f"data_root={tmp_path / 'moved'}")["same"] is True

    shutil.rmtree(tmp_path / "again")
    (tmp_path / "moved" / "dev" / "en.tsv").write_text(pair + "e f\tf g\tneutral\n")
    message = r"the data are not what the run read: dev/en.tsv \(sha256 \w{12} then, \w{12} now\)"
    with pytest.raises(UserError, match=f"{message}.*data_root=FOLDER"):
        repeated(tmp_path / "run", f"data_root={tmp_path / 'moved'}")
    assert not (tmp_path / "again").exists()


def test_other_weights(trained, compose, repeated, tmp_path):
    model = shutil.copytree(trained.folder / "checkpoints" / "best", tmp_path / "model")
    (model / "manifest.json").unlink()
    config = compose(
        "evaluate", f"model.checkpoint={model}", "data=sample", "data.limit_eval=3",
        "data.eval_languages=[en]",
    )  # fmt: skip
    evaluate.run(config, tmp_path / "scored")
    (model / "sentencepiece.bpe.model").write_bytes(b"other pieces")
    with pytest.raises(UserError, match=r"the weights are not .*: sentencepiece.bpe.model \(sha"):
        repeated(tmp_path / "scored")
    model.rename(tmp_path / "lost")
    with pytest.raises(UserError, match=r"weights cannot be read: .*checkpoint=FOLDER"):
        repeated(tmp_path / "scored")
    where = f"checkpoint={trained.folder / 'checkpoints' / 'best'}"
    assert repeated(tmp_path / "scored", where)["same"] is True


def test_random_weights_stay_random(trained, repeated):
    where = f"checkpoint={trained.folder / 'checkpoints' / 'best'}"
    with pytest.raises(UserError, match=r"model.safetensors \(sha256 not there then, "):
        repeated(trained.folder, where)


def test_the_threads_of_the_run(copied, repeated, tmp_path, monkeypatch):
    edited(copied, "run.json", lambda record: record["environment"].update(OMP_NUM_THREADS="1"))
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    repeated(copied)
    record = json.loads((tmp_path / "again" / "run.json").read_text())
    assert record["environment"]["OMP_NUM_THREADS"] == "1"


def test_a_run_that_was_resumed_is_repeated_from_its_beginning(copied, repeated):
    edited(copied, "run.json", lambda record: record["config"]["trainer"].update(resume="auto"))
    assert repeated(copied)["same"] is True


def test_runs_that_cannot_be_repeated(copied, repeated):
    edited(copied, "run.json", lambda record: record.pop("config"))
    with pytest.raises(UserError, match="holds no configuration"):
        repeated(copied)
    (copied / "predictions.jsonl").unlink()
    with pytest.raises(UserError, match=r"predictions\.jsonl does not exist"):
        repeated(copied)


def test_interruption(trained, repeated, monkeypatch):
    def stopped(config, folder):
        raise Interrupted("saved; resume with: infoxlm train", signal.SIGTERM)

    monkeypatch.setattr(train, "run", stopped)
    with pytest.raises(Interrupted, match="stopped; start it again with the same") as caught:
        repeated(trained.folder)
    assert caught.value.code == 143


def test_a_stranger_s_folder_decides_what_is_computed_and_nothing_else(
    copied, compose, tmp_path, monkeypatch, caplog
):
    """Texts in it stay texts, the cache stays the user's, places are shown before they are used."""

    def stranger_s(record):
        record["config"]["data"]["cache_dir"] = str(tmp_path / "theirs")
        record["config"]["name"] = "${oc.env:HOME_OF_MINE}"
        record["config"]["trainer"]["epochs"] = 7

    def again(config, folder):
        seen.append(config)
        raise UserError("that is far enough", "Stop.")

    seen = []
    monkeypatch.setenv("HOME_OF_MINE", "sesame")
    monkeypatch.setattr(train, "run", again)
    edited(copied, "run.json", stranger_s)
    mine = tmp_path / "mine"
    with caplog.at_level(logging.INFO), pytest.raises(UserError, match="far enough"):
        repeat.run(compose("repeat", f"run={copied}", f"cache_dir={mine}"), tmp_path / "again")
    (config,) = seen
    assert config.data.cache_dir == str(mine)
    assert config.name == "${oc.env:HOME_OF_MINE}"
    assert config.trainer.epochs == 7
    assert f"writing {tmp_path / 'again'} and the cache {mine}" in caplog.text
    assert not (tmp_path / "theirs").exists()


def test_a_stranger_s_paths_are_shown_and_not_resolved(copied, compose, tmp_path, caplog):
    secret = {"root": "${oc.env:PATH}/xnli"}
    edited(copied, "run.json", lambda record: record["config"]["data"].update(secret))
    message = r"the run's data cannot be read: data.root=\$\{oc.env:PATH\}/xnli does not exist"
    with caplog.at_level(logging.INFO), pytest.raises(UserError, match=message):
        repeat.run(compose("repeat", f"run={copied}"), tmp_path / "again")
    assert "reading data.root=${oc.env:PATH}/xnli" in caplog.text


@pytest.mark.parametrize("threads", ["²", "0", "9" * 30, "many", "-1"])
def test_threads_that_no_machine_has(threads, copied, compose, tmp_path, monkeypatch):
    edited(copied, "run.json", lambda record: record["environment"].update(OMP_NUM_THREADS=threads))
    asked = []
    monkeypatch.setattr(repeat, "prepare_environment", asked.append)
    monkeypatch.setattr(repeat, "check_inputs", lambda *_: (_ for _ in ()).throw(KeyError))
    with pytest.raises(KeyError):
        repeat.run(compose("repeat", f"run={copied}"), tmp_path / "again")
    assert asked == [None]
