import numpy as np
import pytest

from infoxlm.evaluate.metrics import SplitScores
from infoxlm.tracking.metrics_log import read_metrics
from infoxlm.tracking.run_tracker import RunTracker, display_name, score_tags


def scores(**correct):
    """Scores in which so many of four examples of a language are right."""
    labels = {language: np.array([0, 1, 2, 0]) for language in correct}
    predicted = {
        language: np.where(np.arange(4) < count, labels[language], (labels[language] + 1) % 3)
        for language, count in correct.items()
    }
    return SplitScores.from_predictions(labels, predicted)


def test_score_tags():
    assert score_tags("dev", scores(en=4, de=2, sw=1)) == pytest.approx(
        {
            "dev/accuracy/de": 0.5,
            "dev/accuracy/en": 1.0,
            "dev/accuracy/sw": 0.25,
            "dev/accuracy/average": 7 / 12,
            "dev/gap": 1 - 0.375,
        }
    )


@pytest.mark.parametrize("languages", [{"en": 3}, {"de": 1, "sw": 2}])
def test_no_gap_without_english_and_others(languages):
    assert "test/gap" not in score_tags("test", scores(**languages))


def test_the_same_numbers_go_to_both_places(tmp_path):
    from visualdl import LogReader

    with RunTracker(tmp_path / "2026-11-22_14-05-59_000123", "example") as tracker:
        tracker.scalars(1, {"train/loss": 1.25})
        tracker.scores(2, "dev", scores(en=4, de=2))
        tracker.hyperparameters({"seed": 7}, {"dev/best_average": 0.75}, step=2)
    folder = tmp_path / "2026-11-22_14-05-59_000123"
    expected = {"train/loss": {1: 1.25}, "dev/best_average": {2: 0.75}} | {
        tag: {2: value} for tag, value in score_tags("dev", scores(en=4, de=2)).items()
    }
    logged = {}
    for line in read_metrics(folder / "metrics.jsonl"):
        step = line.pop("step")
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
    assert read_metrics(tmp_path / "metrics.jsonl") == [{"step": 1, "train/loss": 0.5}]


def test_jobs_of_a_sweep_are_told_apart_by_their_number(tmp_path):
    assert display_name(tmp_path / "2026-11-22_14-05-59_1" / "3", "seeds").startswith(
        "3 seeds 2026"
    )
