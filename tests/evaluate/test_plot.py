import struct

import numpy as np
import pytest

from infoxlm.data.xnli import LANGUAGES
from infoxlm.evaluate.plot import plot_curves, plot_results
from infoxlm.evaluate.predictions import Predictions
from infoxlm.evaluate.published import Published
from infoxlm.evaluate.scores import Metric, Scores
from infoxlm.tasks.classification.published import published


def png_size(path):
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", data[16:24])


def test_results(tmp_path, drawn, scores_of):
    right = {language: np.arange(100) < 55 + i for i, language in enumerate(LANGUAGES)}
    scores = scores_of(right)
    results = {"task": "train", "model": "e5_small", "data": "xnli", "test": scores.as_dict()}
    plot_results(results, tmp_path / "results.png", published(results))

    assert png_size(tmp_path / "results.png") == (1600, 768)
    (axes,) = drawn[0].axes
    assert axes.get_title(loc="left") == "train: e5_small on xnli"
    order = [label.get_text() for label in axes.get_xticklabels()]
    assert order[0] == "en"
    assert order[-2:] == ["ur", "average"]
    ours, paper = ([bar.get_height() for bar in bars] for bars in axes.containers[:2])
    assert ours == pytest.approx([100 * scores.main_values[name] for name in order[:-1]] + [62.0])
    assert paper[0] == pytest.approx(86.4)
    assert paper[-1] == pytest.approx(76.5)
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend == ["e5_small", "InfoXLM base, paper (v2) (not one to one)"]


@pytest.mark.parametrize("steps", [(5,), (10, 20, 30)])
def test_curves(tmp_path, drawn, scores_of, steps):
    points = [{"step": 1, "train/loss": 1.0}] + [
        {
            "step": step,
            "dev/accuracy/en": 0.5 + step / 100,
            "dev/accuracy/fr": 0.4 + step / 100,
            "dev/accuracy/average": 0.45 + step / 100,
        }
        for step in steps
    ]
    scores = scores_of({language: np.ones(3, bool) for language in ("en", "fr")})
    plot_curves(points, scores, tmp_path / "curves.png", title="tiny on sample")

    assert png_size(tmp_path / "curves.png") == (1600, 768)
    (axes,) = drawn[0].axes
    curves = [line.get_ydata().tolist() for line in axes.get_lines()[:3]]
    expected = [[level + step for step in steps] for level in (50, 40, 45)]
    assert curves == [pytest.approx(curve) for curve in expected]
    labels = {text.get_text() for text in axes.texts}
    last = steps[-1]
    assert labels >= {f"en {50 + last:.1f}", f"fr {40 + last:.1f}", f"average {45 + last:.1f}"}
    assert axes.get_title(loc="left") == "tiny on sample"


def test_chance_is_that_of_the_scores(tmp_path, drawn, scores_of):
    scores = scores_of({"ko": np.arange(10) < 6}).as_dict()
    for chance in (0.5, None):
        results = {"task": "train", "model": "a", "data": "b", "test": scores | {"chance": chance}}
        plot_results(results, tmp_path / "results.png")
    named, unnamed = ([text.get_text() for text in each.axes[0].texts] for each in drawn)
    assert "chance\n50.0" in named
    assert not any("chance" in text for text in unnamed)
    (before,) = [
        line.get_ydata()[0] for line in drawn[0].axes[0].get_lines() if line.get_zorder() == 3
    ]
    assert before == 50


def test_results_of_a_metric_that_is_no_share(tmp_path, drawn):
    errors = {"squared_error": np.array([150.0, 250.0, 130.0])}
    made = Predictions(np.array(["en", "ko", "ko"]), np.array([0, 0, 1]), errors)
    scores = Scores.from_predictions(made, Metric("squared_error", percent=False))
    results = {"task": "train", "model": "a", "data": "b", "test": scores.as_dict()}
    plot_results(results, tmp_path / "results.png")
    (axes,) = drawn[0].axes
    assert [bar.get_height() for bar in axes.containers[0]] == [150, 190, 170]
    assert axes.get_ylim()[1] > 250
    assert "170.000" in {text.get_text() for text in axes.texts}


def test_published_average_alone(tmp_path, drawn, scores_of):
    """Languages without a published figure stand above their names, nothing next to them."""
    scores = scores_of({x: np.arange(10) < n for x, n in (("en", 8), ("ko", 6), ("de", 4))})
    results = {"task": "train", "model": "a", "data": "b", "test": scores.as_dict()}
    row = Published("paper", {}, 70.0, "there", languages=("de", "en"))
    plot_results(results, tmp_path / "results.png", row)
    (axes,) = drawn[0].axes
    ours, paper = axes.containers[:2]
    names = [label.get_text() for label in axes.get_xticklabels()]
    assert names == ["en", "ko", "de", "average", "without ko"]
    assert [bar.get_height() for bar in ours] == pytest.approx([80, 60, 40, 60, 60])
    assert [bar.get_height() for bar in paper] == [70.0]
    places = [bar.get_x() + bar.get_width() / 2 for bar in ours]
    assert places == pytest.approx([0, 1, 2, 3.5, 4.7])
    assert paper[0].get_x() + paper[0].get_width() / 2 == pytest.approx(5.1)
