import json
import subprocess
import sys

import pytest

from infoxlm.sweep.job_record import JobRecord, JobState, is_job_locked, lock_job, read_job

HOLDER = (
    "import sys, time; from pathlib import Path; from infoxlm.sweep.job_record import *\n"
    "folder = Path(sys.argv[1])\n"
    "with lock_job(folder):\n"
    "    JobRecord(JobState.running).write(folder)\n"
    "    print('held', flush=True)\n"
    "    time.sleep(60)\n"
)


def test_what_is_written_is_read(tmp_path):
    record = JobRecord(JobState.failed, "host", 7, "then", "now", None, "what", "remedy")
    record.write(tmp_path)
    assert read_job(tmp_path) == record


def test_record_of_before_is_read(tmp_path):
    """It did not know of repeats."""
    (tmp_path / "job.json").write_text(
        '{"state": "finished", "host": "host", "process": 7, "started": "then", "ended": "now", '
        '"value": 0.5, "problem": "", "remedy": ""}'
    )
    assert read_job(tmp_path) == JobRecord(JobState.finished, "host", 7, "then", "now", 0.5)


@pytest.mark.parametrize(
    "text",
    [None, "", "{", "[]", '{"state": "odd"}', '{"state": "failed", "x": 1}', "{}", '{"state": []}',
     '{"state": "failed", "host": 1}', '{"state": "finished", "value": "0.5"}',
     '{"state": "finished", "value": true}', '{"state": "finished", "value": 1e999}',
     '{"state": "finished", "repeats": 0.5}', '{"state": "failed", "problem": null}',
     '{"state": "failed", "problem": ' + "[" * 80 + "]" * 80 + "}"],
)  # fmt: skip
def test_what_cannot_be_read_is_missing(text, tmp_path):
    if text is not None:
        (tmp_path / "job.json").write_text(text)
    assert read_job(tmp_path).state is JobState.missing


def test_running_job_is_cut_when_its_process_is_killed(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", HOLDER, tmp_path], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"held\n"
    assert read_job(tmp_path).state is JobState.running
    assert is_job_locked(tmp_path)
    process.kill()
    process.wait()
    assert json.loads((tmp_path / "job.json").read_text())["state"] == "running"
    assert read_job(tmp_path).state is JobState.cut
    with lock_job(tmp_path):
        assert is_job_locked(tmp_path)
    assert not is_job_locked(tmp_path)
