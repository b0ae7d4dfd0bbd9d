import json

import pytest

from infoxlm.errors import UserError
from infoxlm.runs.finished_run import FinishedRun

SCORES = {"accuracy": {"en": 0.5}, "average": 0.5}


def run_folder(folder, results):
    folder.mkdir()
    (folder / "run.json").write_text('{"version": "0.1.0"}')
    (folder / "results.json").write_text(
        results if isinstance(results, str) else json.dumps(results)
    )
    return folder


def test_read(tmp_path):
    results = {"task": "evaluate", "dev": SCORES, "settings": {"split": "dev"}}
    run = FinishedRun.read(str(run_folder(tmp_path / "run", results)))
    assert (run.command, run.split, run.settings) == ("evaluate", "dev", {"split": "dev"})
    assert run.record == {"version": "0.1.0"}
    both = run_folder(tmp_path / "both", {"task": "train", "dev": SCORES, "test": SCORES})
    assert FinishedRun.read(both).split == "test"


def test_folders_that_are_no_finished_run(tmp_path):
    with pytest.raises(UserError, match="absent does not exist.*outputs/train/NAME/TIME"):
        FinishedRun.read(tmp_path / "absent")
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="file is a file.*outputs/train/NAME/TIME"):
        FinishedRun.read(tmp_path / "file")
    with pytest.raises(UserError, match="is not the folder of a run"):
        FinishedRun.read(tmp_path)
    unfinished = run_folder(tmp_path / "unfinished", "")
    (unfinished / "results.json").unlink()
    with pytest.raises(UserError, match="unfinished is not finished: it has no results.json"):
        FinishedRun.read(unfinished)
    with pytest.raises(UserError, match=r"results\.json is damaged: Expecting"):
        FinishedRun.read(run_folder(tmp_path / "damaged", "{"))
    with pytest.raises(UserError, match=r"results\.json is damaged: it is not a JSON object"):
        FinishedRun.read(run_folder(tmp_path / "list", "[]"))
    for number, results in enumerate(("{}", {"task": "retrieve"})):
        with pytest.raises(UserError, match="is not from `infoxlm train` or .*`infoxlm evaluate`"):
            FinishedRun.read(run_folder(tmp_path / str(number), results))


def test_missing_predictions(tmp_path):
    run = FinishedRun.read(run_folder(tmp_path / "run", {"task": "train", "test": SCORES}))
    with pytest.raises(UserError, match=r"predictions\.jsonl does not exist"):
        run.predictions()
