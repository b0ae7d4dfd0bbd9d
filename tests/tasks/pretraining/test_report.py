"""Sections and the picture of a pre-training's report."""

import numpy as np
import pytest

from infoxlm.evaluate.predictions import Predictions
from infoxlm.evaluate.scores import Scores
from infoxlm.tasks.pretraining.report import draw, report_sections
from infoxlm.tasks.pretraining.scores import RETRIEVAL


def written(shares, perplexity):
    """Scores of two languages and two blocks, as results.json has them."""
    predictions = Predictions(
        np.array(["de", "fr"]), np.zeros(2, np.int64), {"retrieval": np.array(shares[1])}
    )
    figures = {f"retrieval_block_{x}": {"de": y, "fr": z} for x, (y, z) in enumerate(shares)}
    figures |= {"perplexity": {"en": perplexity}, "masked_accuracy": {"en": 0.25}}
    return Scores.from_predictions(
        predictions, RETRIEVAL, details={"block": 1}, figures=figures
    ).as_dict()


@pytest.fixture
def results():
    return {
        "model": "tiny",
        "best_step": 40,
        "start": written([(0.1, 0.2), (0.0, 0.5)], 2000.04),
        "dev": written([(0.1, 0.3), (0.5, 1.0)], 99.96),
    }


def test_before_and_after(results):
    by_block, before, after, held_out = report_sections(results, "dev")
    assert by_block.rows == [
        ("0 (embeddings)", "15.0", "20.0", "+5.0"),
        ("1", "25.0", "75.0", "+50.0"),
    ]
    assert before.rows == [
        ("de", "10.0", "0.0"),
        ("fr", "20.0", "50.0"),
        ("average", "15.0", "25.0"),
    ]
    assert after.rows == [
        ("de", "10.0", "50.0"),
        ("fr", "30.0", "100.0"),
        ("average", "20.0", "75.0"),
    ]
    assert "after step 40" in after.title
    assert held_out.rows == [("en", "2000.0", "100.0", "25.0", "25.0")]


def test_without_a_start_only_after(results):
    del results["start"]
    by_block, after, held_out = report_sections(results, "dev")
    assert by_block.rows[1] == ("1", "", "75.0", "")
    assert after.rows[0] == ("de", "10.0", "50.0")
    assert held_out.rows == [("en", "", "100.0", "", "25.0")]


def test_the_picture(results, drawn, tmp_path):
    assert list(draw(results, tmp_path)) == ["blocks.png"]
    assert (tmp_path / "blocks.png").exists()
    (axes,) = drawn[-1].axes
    thick = [line.get_ydata().tolist() for line in axes.lines if line.get_linewidth() == 3]
    assert thick == [[pytest.approx(15), pytest.approx(25)], [pytest.approx(20), pytest.approx(75)]]


def test_without_retrieval_there_is_no_picture(results, tmp_path):
    for key in ("start", "dev"):
        figures = results[key]["figures"]
        results[key]["figures"] = {x: y for x, y in figures.items() if "retrieval" not in x}
    assert draw(results, tmp_path) == {}
    assert [x.title for x in report_sections(results, "dev")] == ["Held-out text"]
