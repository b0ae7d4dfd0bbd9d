import re
from contextlib import suppress
from pathlib import Path

import hydra
import pytest
from omegaconf import OmegaConf

from infoxlm.cli import output_folder
from infoxlm.cli.output_folder import (
    OutputDirCallback,
    RefusedFolder,
    register_random_hex,
    remove_all_unused,
    remove_if_unused,
    undo,
)
from infoxlm.errors import UserError
from infoxlm.schema import register_schemas


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(output_folder, "_before", {})


def config(folder, name="default", resume=None):
    hydra = {"run": {"dir": folder}, "sweep": {"dir": folder}, "job": {"name": "train"}}
    return OmegaConf.create({"name": name, "hydra": hydra, "trainer": {"resume": resume}})


def by_hydra(folder):
    """Make a run's folder with the files that Hydra writes."""
    (folder / ".hydra").mkdir(parents=True)
    (folder / ".hydra" / "config.yaml").write_text("seed: 1\n")
    (folder / "train.log").write_text("started\n")
    return folder


def tree(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_what_only_hydra_wrote_goes_with_the_folders_made_for_it(tmp_path):
    (tmp_path / "outputs").mkdir()
    OutputDirCallback().on_run_start(config("outputs/train/default/time"))
    undo(by_hydra(tmp_path / "outputs/train/default/time"))
    assert tree(tmp_path) == ["outputs"]


def test_neighbours_stay(tmp_path):
    OutputDirCallback().on_run_start(config("outputs/train/default/time"))
    folder = by_hydra(tmp_path / "outputs/train/default/time")
    (tmp_path / "outputs/train/another").mkdir()
    undo(folder)
    assert tree(tmp_path) == ["outputs", "outputs/train", "outputs/train/another"]


@pytest.mark.parametrize("name", ["run", "."])
def test_folder_that_was_there_stays_as_it_was(name, tmp_path):
    (tmp_path / name).mkdir(exist_ok=True)
    (tmp_path / name / "notes.txt").write_text("mine\n")
    before = tree(tmp_path)
    OutputDirCallback().on_run_start(config(name))
    undo(by_hydra(tmp_path / name))
    assert tree(tmp_path) == before


@pytest.mark.parametrize("name", ["results.json", "evaluate.log", ".lock", "vdl/x"])
def test_folder_that_the_command_wrote_to_stays(name, tmp_path):
    OutputDirCallback().on_run_start(config("run"))
    folder = by_hydra(tmp_path / "run")
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("{}")
    before = tree(tmp_path)
    undo(folder)
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    ("error", "left"),
    [(None, 0), (UserError("what", "remedy"), 0), (KeyboardInterrupt(), 0), (KeyError("a bug"), 4)],
)
def test_folder_is_kept_after_a_programming_error_alone(error, left, tmp_path):
    OutputDirCallback().on_run_start(config("run"))
    folder = by_hydra(tmp_path / "run")
    with suppress(type(error) if error else ()), remove_if_unused(folder):
        if error:
            raise error
    assert len(tree(tmp_path)) == left


def test_folder_that_was_not_looked_at_stays(tmp_path):
    folder = by_hydra(tmp_path / "run")
    before = tree(tmp_path)
    undo(folder)
    undo(tmp_path)
    assert tree(tmp_path) == before


def test_sweep_of_which_no_job_came_to_anything(tmp_path):
    OutputDirCallback().on_multirun_start(config("sweeps/time"))
    for job in ("0", "1"):
        undo(by_hydra(tmp_path / "sweeps/time" / job))
    (tmp_path / "sweeps/time/multirun.yaml").write_text("seed: 1\n")
    remove_all_unused()
    assert tree(tmp_path) == []


def test_sweep_with_a_job_that_wrote_something(tmp_path):
    OutputDirCallback().on_multirun_start(config("sweep"))
    jobs = [by_hydra(tmp_path / "sweep" / job) for job in ("0", "1")]
    (jobs[0] / "results.json").write_text("{}")
    for job in jobs:
        undo(job)
    (tmp_path / "sweep" / "multirun.yaml").write_text("seed: 1\n")
    remove_all_unused()
    assert sorted(path.name for path in (tmp_path / "sweep").iterdir()) == ["0", "multirun.yaml"]


@pytest.mark.parametrize("name", [".hydra", "run.json", "multirun.yaml"])
def test_folder_that_holds_a_run_is_refused_unless_it_is_gone_on_with(name, tmp_path):
    (tmp_path / "run" / name).mkdir(parents=True)
    for look, key in (
        (OutputDirCallback().on_run_start, "hydra.run.dir"),
        (OutputDirCallback().on_multirun_start, "hydra.sweep.dir"),
    ):
        with pytest.raises(RefusedFolder, match=f"{key}=run holds a run already"):
            look(config("run"))
        look(config("run", resume="auto"))


@pytest.mark.parametrize("name", ["", ".", "..", "../other", "a/b", "a\nb"])
def test_names_that_no_folder_can_have(name):
    OutputDirCallback().on_run_start(config("run", name="seed 1 (é)"))
    with pytest.raises(RefusedFolder, match="name for a folder"):
        OutputDirCallback().on_run_start(config("run", name=name))


def test_folder_without_a_name_is_refused():
    with pytest.raises(RefusedFolder, match="hydra.run.dir is empty"):
        OutputDirCallback().on_run_start(config(""))


@pytest.mark.parametrize("folder", ["file", "file/below", "x" * 300, "${nowhere}"])
def test_folder_that_cannot_be_looked_at_is_left_to_hydra(folder, tmp_path):
    (tmp_path / "file").write_text("")
    OutputDirCallback().on_run_start(config(folder))
    remove_all_unused()
    assert tree(tmp_path) == ["file"]


@pytest.mark.parametrize("key", ["hydra.run.dir", "hydra.sweep.dir"])
def test_runs_of_the_same_moment_have_folders_of_their_own(key):
    register_schemas()
    register_random_hex()

    def folder():
        with hydra.initialize_config_module("infoxlm.conf", version_base="1.3"):
            config = hydra.compose("train", ["name=mine"], return_hydra_config=True)
        # Hydra registers its own again with each initialization.
        OmegaConf.register_new_resolver("now", lambda _: "14-05-59_000123", replace=True)
        config.hydra.job.name = "train"
        assert OmegaConf.select(config, key) == OmegaConf.select(config, key)
        return Path(OmegaConf.select(config, key))

    names = {folder() for _ in range(8)}
    assert len(names) > 6  # eight draws of 65,536; a third equal one comes once in 10^8
    assert all(re.fullmatch("14-05-59_000123_[0-9a-f]{4}", name.name) for name in names)
    assert {name.parent.name for name in names} == {"mine"}
