import pytest

from infoxlm.errors import UserError
from infoxlm.tracking.metrics_log import read_metrics
from infoxlm.tracking.run_tracker import RunTracker, display_name

#: Numbers of one step, as `Scores.tags` gives them.
TAGS = {
    "dev/accuracy/en": 1.0,
    "dev/accuracy/de": 0.5,
    "dev/accuracy/average": 0.75,
    "dev/gap": 0.5,
}


def test_the_same_numbers_go_to_both_places(tmp_path):
    from visualdl import LogReader

    with RunTracker(tmp_path / "2026-11-22_14-05-59_000123", "example") as tracker:
        tracker.scalars(1, {"train/loss": 1.25})
        tracker.scalars(2, TAGS)
        tracker.hyperparameters({"seed": 7}, {"dev/best_average": 0.75}, step=2)
    folder = tmp_path / "2026-11-22_14-05-59_000123"
    expected = {"train/loss": {1: 1.25}, "dev/best_average": {2: 0.75}} | {
        tag: {2: value} for tag, value in TAGS.items()
    }
    logged = {}
    for line in read_metrics(folder / "metrics.jsonl"):
        step, _ = line.pop("step"), line.pop("time")
        for tag, value in line.items():
            logged.setdefault(tag, {})[step] = value
    assert logged == expected

    curves = LogReader(file_path=str(folder / "vdl" / "vdlrecords.main.log"))
    for tag, points in expected.items():
        read = {point.id: point.value for point in curves.get_data("scalar", tag)}
        assert read == pytest.approx(points)
    (name,) = curves.get_data("meta_data", "meta_data_tag")
    assert name.meta_data.display_name == "14:05:59 example 2026-11-22 000123"
    assert len(curves.get_data("hyper_parameters", "hparam")) == 1


def test_what_was_written_survives_an_error(tmp_path):
    with pytest.raises(KeyError), RunTracker(tmp_path, "example") as tracker:
        tracker.scalars(1, {"train/loss": 0.5})
        raise KeyError("out of luck")
    (line,) = read_metrics(tmp_path / "metrics.jsonl")
    assert (line["step"], line["train/loss"]) == (1, 0.5)


def test_a_run_that_goes_on_from_a_checkpoint_has_its_log_in_both_places(tmp_path):
    from visualdl import LogReader

    run, checkpoint = tmp_path / "run", tmp_path / "checkpoint"
    checkpoint.mkdir()
    with RunTracker(run, "example") as tracker:
        tracker.scalars(1, {"train/loss": 1.5})
        tracker.scalars(2, {"train/loss": 1.25})
        tracker.scalars(2, TAGS)
        tracker.copy_log(checkpoint)
        kept = (run / "metrics.jsonl").read_bytes()
        assert (checkpoint / "metrics.jsonl").read_bytes() == kept
        for step in (3, 4, 5):  # what no checkpoint knows of
            tracker.scalars(step, {"train/loss": 77.0})
            tracker.scalars(step, TAGS)
    with RunTracker(run, "example", checkpoint) as tracker:
        assert (run / "metrics.jsonl").read_bytes() == kept
        tracker.scalars(3, {"train/loss": 1.125})
    logged = read_metrics(run / "metrics.jsonl")
    assert [(line["step"], line.get("train/loss")) for line in logged] == [
        (1, 1.5), (2, 1.25), (2, None), (3, 1.125),
    ]  # fmt: skip
    curves = LogReader(file_path=str(run / "vdl" / "vdlrecords.main.log"))
    loss = curves.get_data("scalar", "train/loss")
    assert [(x.id, x.value) for x in loss] == [(1, 1.5), (2, 1.25), (3, 1.125)]
    times = [line["time"] for line in logged if "train/loss" in line]
    assert [x.timestamp / 1000 for x in loss] == pytest.approx(times, abs=1.0)
    assert [x.timestamp for x in loss[:2]] == [round(1000 * time) for time in times[:2]]
    for tag, value in TAGS.items():
        (point,) = curves.get_data("scalar", tag)
        assert (point.id, point.value) == (2, pytest.approx(value))


def test_a_checkpoint_without_a_log_is_an_error(tmp_path):
    with pytest.raises(UserError, match=r"checkpoint/metrics\.jsonl does not exist"):
        RunTracker(tmp_path / "run", "example", tmp_path / "checkpoint")
    assert not (tmp_path / "run").exists()


def test_jobs_of_a_sweep_are_told_apart_by_their_number(tmp_path):
    assert display_name(tmp_path / "2026-11-22_14-05-59_1" / "3", "seeds").startswith(
        "3 seeds 2026"
    )
