import json

import pytest

from infoxlm.sweep.job_record import JobRecord, JobState
from infoxlm.sweep.sweep_record import as_settings, varied_keys
from infoxlm.sweep.sweep_report import headline, markdown
from infoxlm.sweep.sweep_results import SweepResults

GRID = [
    ["model=tiny", f"seed={seed}", f"optimizer.learning_rate={rate}"]
    for rate in ("1e-05", "2e-05")
    for seed in (1, 2, 3)
]


def test_only_keys_that_differ_count_as_varied():
    jobs = [as_settings(["a=1", "+b=x=y", "c=1"]), as_settings(["a=1", "+b=z", "c=1", "d=0"])]
    assert jobs[0]["b"] == "x=y"
    assert varied_keys(jobs) == ["b", "d"]


def test_means_and_deviations_over_seeds(sweep_folder):
    results = SweepResults.read(sweep_folder(GRID, [0.5, 0.6, 0.7, 0.8, 0.6, None]))
    assert results.keys == ["optimizer.learning_rate", "seed"]
    best, other = results.groups()
    assert best.varied == {"optimizer.learning_rate": "2e-05"}
    assert best.mean("dev", "average") == pytest.approx((0.7, 0.02**0.5))
    assert best.mean("test", "de") == pytest.approx((0.58, 0.02**0.5))
    assert other.mean("dev", "average") == pytest.approx((0.6, 0.1))
    assert best.mean("dev", "fr") is None
    assert results.best().number == 3
    assert results.languages == ["en", "de"]


def test_repeats_count_once(sweep_folder):
    """Those that were run, as older sweeps did, and those that took the first one's result."""
    jobs = [GRID[0], GRID[1], GRID[0], GRID[0], GRID[3], GRID[4]]
    folder = sweep_folder(jobs, [0.5, 0.7, 0.5, None, 0.8, 0.8])
    JobRecord(JobState.finished, value=0.5, repeats=0).write(folder / "3")
    JobRecord(JobState.finished, value=0.8, repeats=4).write(folder / "5")  # another seed's words
    results = SweepResults.read(folder)
    assert [run.repeats for run in results.runs] == [None, None, 0, 0, None, 4]
    assert [run.figure("dev", "average") for run in results.finished] == [
        0.5, 0.7, 0.5, 0.5, 0.8, 0.8,
    ]  # fmt: skip
    assert [[run.number for run in group.runs] for group in results.groups()] == [[4], [0, 1]]
    assert [run.number for run in results.distinct] == [0, 1, 4]
    assert results.groups()[1].mean("dev", "average") == pytest.approx((0.6, 0.02**0.5))
    assert results.best().number == 4
    assert "6 of 6 runs finished. 3 of them repeat an earlier one" in headline(results)


def test_repeat_of_what_has_no_scores_counts_itself(sweep_folder):
    results = SweepResults.read(sweep_folder([GRID[0]] * 3, ["no room", 0.5, 0.5]))
    assert [run.repeats for run in results.runs] == [None, None, 1]
    assert [run.number for run in results.groups()[0].runs] == [1]


@pytest.mark.parametrize("number", [-1, 1, 7])
def test_only_an_earlier_run_can_be_repeated(number, sweep_folder):
    folder = sweep_folder(GRID[:3], [0.5, None, 0.7])
    JobRecord(JobState.finished, value=0.5, repeats=number).write(folder / "1")
    results = SweepResults.read(folder)
    assert [run.number for run in results.finished] == [0, 2]


@pytest.mark.parametrize(
    "odd",
    [[], 7, {"dev": []}, {"dev": {"accuracy": [1], "average": "high"}}, {"train": 3, "dev": None},
     {"dev": {"accuracy": {"en": 1e300, "de": None}}}, {"settings": [1, 2], "dev": {}}],
)  # fmt: skip
def test_odd_results_count_as_none(odd, sweep_folder):
    folder = sweep_folder(GRID[:3], [0.5, 0.6, 0.7])
    path = folder / "1" / "results.json"
    path.write_text(json.dumps({"task": "train"} | odd if isinstance(odd, dict) else odd))
    results = SweepResults.read(folder)
    assert [run.number for run in results.finished] == [0, 2]
    assert markdown(results)


def test_runs_may_be_scored_on_other_splits(sweep_folder):
    folder = sweep_folder(GRID[:2], [0.5, 0.6])
    path = folder / "0" / "results.json"
    came = json.loads(path.read_text())
    del came["test"]
    path.write_text(json.dumps(came))
    results = SweepResults.read(folder)
    assert (results.splits, results.languages) == (["dev", "test"], ["en", "de"])
    assert markdown(results)


def test_mean_of_one_has_no_deviation(sweep_folder):
    results = SweepResults.read(sweep_folder(GRID[:1], [0.5]))
    assert results.groups()[0].mean("dev", "average") == (0.5, None)
    assert results.keys == []


def test_states_of_jobs(sweep_folder):
    folder = sweep_folder(GRID[:4], [0.5, "no room", None, 0.5])
    (folder / "3" / "results.json").write_text("{")
    results = SweepResults.read(folder)
    states = [run.record.state for run in results.runs]
    finished = JobState.finished
    assert states == [finished, JobState.failed, JobState.missing, finished]
    assert [run.number for run in results.finished] == [0]
    assert [run.number for run in results.others] == [1, 2]
    assert results.can_resume


def test_what_failed_in_a_search_is_not_run_again(sweep_folder):
    folder = sweep_folder(GRID[:2], [0.5, "no room"], searches=True)
    assert not SweepResults.read(folder).can_resume
    assert SweepResults.read(sweep_folder(GRID[:2], [0.5, "no room"])).can_resume


@pytest.mark.parametrize(("told", "chosen"), [("dev_en", "en"), ("dev_average", "average")])
def test_runs_are_ranked_by_what_chose_their_checkpoints(told, chosen, sweep_folder):
    folder = sweep_folder(GRID[2:4], [0.5, 0.6])
    for job, english in ((0, 0.9), (1, 0.62)):
        path = folder / str(job) / "results.json"
        came = json.loads(path.read_text())
        came["settings"] = {"trainer.select_on": told if job == 0 else "dev_en"}
        german = 2 * came["dev"]["average"] - english
        came["dev"]["accuracy"] = {"en": english, "de": german}
        path.write_text(json.dumps(came))
    results = SweepResults.read(folder)
    assert results.chosen_by == chosen
    best = results.best()
    assert best.number == (0 if chosen == "en" else 1)
    assert results.groups()[0].runs == [best]
    where = "dev en" if chosen == "en" else "dev"
    assert f"Best on {where}: " in headline(results)
    assert f"{100 * best.figure('dev', chosen):.1f} ★" in markdown(results)
