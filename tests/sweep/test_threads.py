import pytest

from infoxlm.sweep import threads
from infoxlm.sweep.threads import jobs_at_once, threads_of_a_job


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch):
    monkeypatch.setattr(threads, "available_cores", lambda: 8)


@pytest.mark.parametrize(
    ("launcher", "jobs", "at_once", "each"),
    [
        ({"_target_": "x.BasicLauncher"}, 9, 1, None),
        ({"_target_": "x.JoblibLauncher", "n_jobs": 2}, 9, 2, 4),
        ({"_target_": "x.JoblibLauncher", "n_jobs": 3}, 9, 3, 2),
        ({"_target_": "x.JoblibLauncher", "n_jobs": 3}, 2, 2, 4),
        ({"_target_": "x.JoblibLauncher", "n_jobs": 99}, 99, 99, 1),
        ({"_target_": "x.JoblibLauncher", "n_jobs": -1}, 99, 8, 1),
        ({"_target_": "x.JoblibLauncher", "n_jobs": -2}, 99, 7, 1),
        ({"_target_": "x.JoblibLauncher", "n_jobs": 2}, 1, 1, None),
        ({"_target_": "x.LocalLauncher"}, 4, 4, 2),
        ({"_target_": "x.SlurmLauncher", "cpus_per_task": 6}, 4, 1, 6),
        ({"_target_": "x.SlurmLauncher", "cpus_per_task": None}, 4, 1, None),
        ({"_target_": "x.RayLauncher", "ray": {"remote": {"num_cpus": 3}}}, 4, 1, 3),
        ({"_target_": "x.RayLauncher", "ray": {"remote": {}}}, 4, 1, 1),
    ],
)
def test_cores_are_divided_among_jobs_that_share_them(launcher, jobs, at_once, each):
    assert (jobs_at_once(launcher, jobs), threads_of_a_job(launcher, jobs)) == (at_once, each)
