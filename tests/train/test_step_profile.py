import json

import paddle

from infoxlm.train.step_profile import RECORDED, SKIPPED, StepProfile


def run_steps(folder, steps):
    weight = paddle.ones([8, 8])
    with StepProfile(folder) as profile:
        for _ in range(steps):
            profile.step_begins()
            paddle.matmul(weight, weight)


def test_writes_operators_of_the_recorded_steps(tmp_path):
    run_steps(tmp_path, SKIPPED + RECORDED + 4)
    assert "matmul" in (tmp_path / "profile.txt").read_text()
    events = json.loads((tmp_path / "profile.json").read_text())["traceEvents"]
    products = [e for e in events if "matmul" in e.get("name", "") and "dygraph" in e["name"]]
    assert len(products) == RECORDED


def test_a_run_that_ends_early_is_written_too(tmp_path):
    run_steps(tmp_path, SKIPPED + 1)
    assert "matmul" in (tmp_path / "profile.txt").read_text()


def test_nothing_is_written_unless_asked_for_or_nothing_was_recorded(tmp_path):
    run_steps(None, 5)
    run_steps(tmp_path, SKIPPED)
    assert list(tmp_path.iterdir()) == []
