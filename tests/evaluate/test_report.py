import io
import json

import numpy as np
import pytest
from rich.console import Console

from infoxlm.data.xnli import LANGUAGES
from infoxlm.evaluate.predictions import Predictions
from infoxlm.evaluate.published import Published, compare_with_published
from infoxlm.evaluate.report import (
    markdown_report as render,
)
from infoxlm.evaluate.report import (
    terminal_report as shown,
)
from infoxlm.evaluate.report import (
    write_report,
)
from infoxlm.evaluate.scores import Metric, Scores
from infoxlm.tasks.registry import reported_task


@pytest.fixture
def split(scores_of):
    """Scores of so many examples: three quarters right in English, six tenths in the others."""

    def make(examples, languages=LANGUAGES):
        shares = {language: 0.75 if language == "en" else 0.6 for language in languages}
        right = {language: np.arange(examples) < examples * x for language, x in shares.items()}
        return scores_of(right).as_dict()

    return make


@pytest.fixture
def results(split):
    return {
        "task": "train",
        "experiment": "xnli_paper",
        "model": "infoxlm_base",
        "data": "xnli",
        "test": split(5010),
        "dev": split(100),
        "best_step": 60,
        "steps": 1534,
        "train": {"pairs_per_second": 11.44, "seconds": 3725.0, "peak_rss_mb": 7812.3},
        "evaluate": {"pairs_per_second": 1063.2},
        "settings": {"optimizer.learning_rate": 1e-5},
    }


def compare_with_paper(results):
    return compare_with_published(results, reported_task(results).published(results))


def markdown_report(results, folder):
    split = "test" if results.get("test") else "dev"
    return render(
        results,
        folder,
        reported_task(results).published(results),
        reported_task(results).report_sections(results, split),
    )


def terminal_report(results):
    return shown(
        results,
        reported_task(results).published(results),
        reported_task(results).report_sections(results, "test"),
    )


def cells(markdown, first):
    """The cells of the Markdown row whose first cell is `first`."""
    rows = [line.strip("| ").split(" | ") for line in markdown.splitlines() if line[:1] == "|"]
    return next(row for row in rows if row[0] == first)


def test_markdown_cells(results, tmp_path):
    text = markdown_report(results, tmp_path)
    head = ["language", "test", "95 % interval", "examples", "paper", "difference", "dev"]
    assert cells(text, "language") == head
    # 3758 of 5010 are below three quarters.
    assert cells(text, "en") == ["en", "75.0", "73.8–76.2", "5,010", "86.4", "−11.4", "75.0"]
    assert cells(text, "sw") == ["sw", "60.0", "58.6–61.3", "5,010", "67.5", "−7.5", "60.0"]
    average = [cell.strip("*") for cell in cells(text, "**average**")]
    assert average[:2] == ["average", "61.0"]
    assert average[3:] == ["75,150", "76.5", "−15.5", "61.0"]
    assert cells(text, "**gap**")[4:] == ["**10.6**", "**+4.4**", "**15.0**"]
    # A third of the 3758 right in English and of the 3006 in each other language.
    right = 1253 + 14 * 1002
    assert cells(text, "entailment")[1:] == [f"{right:,}", f"{15 * 1670 - right:,}", "0", "61.0"]
    assert 'infoxlm_paddle, column "Original Paper"' in text
    assert "training time: 1 h 2 min" in text
    assert "`optimizer.learning_rate=1e-05`" in text
    assert ">" not in text


def test_links_only_to_what_exists(results, tmp_path):
    (tmp_path / "results.png").touch()
    (tmp_path / "run.json").touch()
    write_report(results, tmp_path)
    text = (tmp_path / "results.md").read_text()
    assert "![Accuracy by language](results.png)" in text
    assert "[run.json](run.json)" in text
    assert "[results.json](results.json)" in text
    assert "curves.png" not in text
    assert "metrics.jsonl" not in text
    assert json.loads((tmp_path / "results.json").read_text()) == results


def test_large_has_its_own_row(results):
    comparison = compare_with_paper({**results, "model": "infoxlm_large"})
    assert comparison.average.published == pytest.approx(0.814)
    assert comparison.published.comparable
    assert comparison.caveats == ()


def test_caveats(results, split, tmp_path):
    results |= {"model": "e5_small", "test": None, "dev": split(100, ("en", "fr"))}
    text = markdown_report(results, tmp_path)
    assert "> e5_small is another model: not comparable one to one with InfoXLM base" in text
    assert "> Scored on 100 of the 2,490 rows a language." in text
    assert "> These are dev scores; the paper's are test scores." in text
    assert "> Average and gap are over the 2 languages scored, the paper's as well." in text
    assert cells(text, "language")[1] == "dev"
    assert cells(text, "**average**")[4] == "**83.3**"
    assert cells(text, "**gap**")[4] == "**6.1**"
    assert not compare_with_paper(results).published.comparable


def test_other_data_is_said(results):
    results["data"] = "sample"
    comparison = compare_with_paper(results)
    assert not comparison.published.comparable
    assert comparison.caveats == ("sample is other data than XNLI, which the paper used.",)


def test_evaluate_reported_task_one_language(results, split, tmp_path):
    for key in ("train", "dev", "best_step", "steps", "settings"):
        del results[key]
    results |= {"task": "evaluate", "experiment": None, "test": split(5010, ("sw",))}
    text = markdown_report(results, tmp_path)
    assert text.startswith("# evaluate: infoxlm_base on xnli\n")
    assert "**Test accuracy 60.0 % (sw, 95 % interval " in text
    assert cells(text, "language")[-1] == "difference"
    assert "gap" not in text.lower().replace("average and gap", "")
    assert "training" not in text


def test_no_scores_is_an_error(results):
    with pytest.raises(ValueError, match="neither test nor dev"):
        compare_with_published({**results, "test": None, "dev": None})


def test_terminal(results):
    console = Console(width=80, record=True, file=io.StringIO())
    results["model"] = "e5_small"
    console.print(terminal_report(results))
    text = console.export_text()
    english = next(line for line in text.splitlines() if line.strip().startswith("en "))
    assert english.split() == [
        "en", "75.0", "73.8–76.2", "5,010", "86.4", "−11.4", "75.0",
    ]  # fmt: skip
    assert "e5_small is another model: not comparable one to one" in " ".join(text.split())
    assert "Test accuracy 61.0 % (average of 15 languages" in text


def test_languages_without_a_published_figure_have_empty_cells(results, split, tmp_path):
    results |= {"test": split(100, ("en", "ko", "ja")), "dev": None}
    text = markdown_report(results, tmp_path)
    assert cells(text, "ko") == ["ko", "60.0", "50.2–69.1", "100"]
    assert cells(text, "en")[4:6] == ["86.4", "−11.4"]
    assert cells(text, "**average**")[3:] == ["**300**"]
    assert cells(text, "**gap**") == ["**gap**", "**15.0**"]
    assert "> The paper's average is not over the languages scored, and is left out." in text
    assert "the paper's as well" not in text


def test_a_task_without_published_figures(results, tmp_path):
    errors = Metric("squared_error", percent=False, higher_is_better=False)
    worth = {"squared_error": np.array([0.5, 1.5, 2.0]), "exact": np.array([1.0, 0.0, 0.0])}
    made = Predictions(np.array(["en", "ko", "ko"]), np.array([0, 0, 1]), worth)
    scores = Scores.from_predictions(made, errors, [Metric("exact")])
    results |= {"task_name": "regression", "test": scores.as_dict(), "dev": None}
    text = markdown_report(results, tmp_path)
    assert "**Test squared error 1.125 (average of 2 languages" in text
    head = ["language", "test squared error", "95 % interval", "examples", "exact"]
    assert cells(text, "language") == head
    assert cells(text, "en") == ["en", "0.500", "0.500–0.500", "1", "100.0"]
    assert cells(text, "**average**")[-1] == "**50.0**"
    assert "Squared error." in text
    assert "paper" not in text.replace("xnli_paper", "")
    assert "Confusion" not in text


@pytest.fixture
def two_metrics(results):
    """English all right, German half of it, Korean not at all; exact in English alone."""
    worth = {"f1": np.array([1.0, 0.5, 0.0]), "exact_match": np.array([1.0, 0.0, 0.0])}
    made = Predictions(np.array(["en", "de", "ko"]), np.array([0, 0, 0]), worth)
    scores = Scores.from_predictions(
        made, Metric("f1"), [Metric("exact_match")], explanation="By odd rules."
    )
    return results | {"test": scores.as_dict(), "dev": None}


def test_published_average_over_fewer_languages(two_metrics, tmp_path):
    row = Published(
        "paper", {}, 70.0, "there", languages=("de", "en"), secondary={"exact_match": 60.0}
    )
    text = render(two_metrics, tmp_path, row)
    head = [
        "language", "test F1", "95 % interval", "examples", "paper F1", "difference",
        "exact match", "paper exact match",
    ]  # fmt: skip
    assert cells(text, "language") == head
    # An empty cell at a line's end is not among these.
    assert cells(text, "de") == ["de", "50.0", "50.0–50.0", "1", "", "", "0.0"]
    average = [cell.strip("*") for cell in cells(text, "**average**")]
    assert [average[1], *average[3:]] == ["50.0", "3", "", "", "33.3"]
    shared = [cell.strip("*") for cell in cells(text, "**without ko**")]
    assert shared == [
        "without ko", "75.0", "", "2", "70.0", "+5.0", "50.0", "60.0",
    ]  # fmt: skip
    assert text.count("F1 in percent. Paper: paper; source: there. By odd rules.") == 1


def test_published_average_over_the_same_languages(two_metrics, tmp_path):
    row = Published(
        "paper", {}, 70.0, "", languages=("ko", "de", "en"), secondary={"exact_match": 60.0}
    )
    text = render(two_metrics, tmp_path, row)
    average = [cell.strip("*") for cell in cells(text, "**average**")]
    assert average[4:] == ["70.0", "−20.0", "33.3", "60.0"]
    assert "without ko" not in text


def test_a_published_average_that_is_left_out_is_no_part_of_the_note(two_metrics, tmp_path):
    row = Published("paper", {}, 70.0, "there", languages=("de", "en", "fr"))
    text = render(two_metrics, tmp_path, row)
    assert "F1 in percent. By odd rules." in text
    assert "there" not in text


def test_dev_of_other_languages_has_no_average(two_metrics):
    two_metrics["dev"] = {
        **two_metrics["test"], "f1": {"en": 0.25}, "exact_match": {"en": 0.0}, "average": 0.25,
    }  # fmt: skip
    comparison = compare_with_published(two_metrics)
    assert [line.dev for line in comparison.languages] == [0.25, None, None]
    assert {line.dev for line in comparison.summaries} == {None}
    same = compare_with_published(two_metrics | {"dev": two_metrics["test"]})
    assert same.average.dev == same.average.score


def test_two_metrics_fit_a_terminal(two_metrics):
    row = Published("paper", {}, 70.0, "", languages=("de", "en"), secondary={"exact_match": 60.0})
    two_metrics["test"]["interval"]["en"] = [0.8, 0.9]
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(shown(two_metrics | {"dev": two_metrics["test"]}, row))
    lines = [line.split() for line in console.export_text().splitlines()]
    names = "language F1 interval examples F1 difference F1 match match"
    assert lines[3] == names.split()
    figures = "without ko 75.0 2 70.0 +5.0 50.0 60.0"
    assert figures.split() in lines
    assert ["en", "100.0", "80.0–90.0", "1", "100.0", "100.0"] in lines


def test_a_row_without_a_figure_of_these_languages_takes_no_column(two_metrics, tmp_path):
    row = Published("paper", {}, 70.0, "there", caveats=("Other languages.",), languages=("fr",))
    text = render(two_metrics, tmp_path, row)
    assert cells(text, "language") == [
        "language", "test F1", "95 % interval", "examples", "exact match",
    ]  # fmt: skip
    assert "> Other languages." in text
