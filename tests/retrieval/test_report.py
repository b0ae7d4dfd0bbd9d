"""The report of a retrieval run: table, caveats, files, pictures."""

import csv
import io
import json

import pytest
from rich.console import Console

from infoxlm.retrieval import comparison
from infoxlm.retrieval.plot import plot_layers, plot_retrieval
from infoxlm.retrieval.published import TATOEBA, TATOEBA_PAIRS
from infoxlm.retrieval.report import terminal_report, write_retrieval_report
from infoxlm.retrieval.scores import RetrievalScores

PAPER_SETTINGS = {
    "pooling": "mean", "special_tokens": "true", "similarity": "cosine", "prefix": "",
}  # fmt: skip


def results(layers=(7,), pairs=TATOEBA_PAIRS, model="infoxlm_base", **settings):
    """A run that finds, in layer `i`, the paper's share and `i` sentences fewer."""
    scores = RetrievalScores()
    for layer in layers:
        for language, count in pairs.items():
            shares = TATOEBA.get(language, (0.5, 0.5))
            there, back = (round(share * count) - layer for share in shares)
            scores.add(layer, language, count, {"en_to_xx": there, "xx_to_en": back})
    return {
        "task": "retrieve",
        "experiment": "example",
        "model": model,
        "data": "tatoeba",
        **scores.as_dict(),
        "retrieve": {
            "seconds": 61.25, "sentences": 1938, "encoded": 938, "encoding_seconds": 10.0
        },
        "settings": PAPER_SETTINGS | settings,
    }  # fmt: skip


def test_table_beside_the_paper():
    section = comparison.score_section(results())
    header, rows = section.header, section.rows
    assert header == ["language", "pairs", "en→xx", "paper", "diff.", "xx→en", "paper", "diff."]
    assert [row[0] for row in rows] == [*TATOEBA, "average"]
    assert rows[0] == ["ar", "1,000", "67.9", "68.6", "−0.7", "58.4", "59.1", "−0.7"]
    sw = rows[list(TATOEBA).index("sw")]
    assert sw == ["sw", "390", "39.0", "40.8", "−1.8", "37.7", "39.5", "−1.8"]
    assert rows[-1][1:4:2] == ["12,938", "80.6"]
    assert rows[-1][6] == "77.8"


def test_average_of_fewer_languages_is_set_beside_the_paper_s_of_the_same():
    (*_, average) = comparison.lines(results(pairs={"de": 1000, "sw": 390}))
    assert average.published == pytest.approx(((0.951 + 0.408) / 2, (0.939 + 0.395) / 2))
    assert average.pairs == 1390


@pytest.mark.parametrize(
    ("pairs", "told"),
    [(TATOEBA_PAIRS, "(average of 14 languages, block 7)"), ({"de": 1000}, "(de, block 7)")],
)
def test_headline(pairs, told):
    assert comparison.headline(results(pairs=pairs)).endswith(told)


def test_languages_of_which_nothing_was_published(tmp_path, drawn):
    run = results(layers=(0, 7), pairs={"ko": 100, "de": 1000, "ro": 100})
    rows = comparison.score_section(run).rows
    assert rows[0] == ["ko", "100", "50.0", "", "", "50.0", "", ""]
    assert rows[1][2:5] == ["95.1", "95.1", "+0.0"]
    assert rows[-1] == ["average", "1,200", "65.0", "", "", "64.6", "", ""]
    told = comparison.caveats(run)
    assert "Nothing was published for ko ro, nor for an average of these." in told
    assert not any("Averages are over" in caveat for caveat in told)
    plot_retrieval(run, tmp_path / "results.png")
    (axes,) = drawn[0].axes
    assert [x.get_text() for x in axes.get_xticklabels()] == ["de", "ko", "ro", "average"]
    assert [len(lines.get_segments()) for lines in axes.collections[1::2]] == [1, 1]
    plot_layers(run, tmp_path / "layers.png")
    write_retrieval_report(run, tmp_path)
    assert "| ko | 100 | 50.0 |  |  | 50.0 |  |  |" in (tmp_path / "results.md").read_text()


def test_picture_of_languages_of_which_nothing_was_published(tmp_path, drawn):
    plot_retrieval(results(pairs={"ko": 100}), tmp_path / "results.png")
    legend = [text.get_text() for text in drawn[0].axes[0].get_legend().get_texts()]
    assert sorted(legend) == ["English to the language", "the language to English"]


def test_run_like_the_paper_s_has_no_caveat():
    assert comparison.caveats(results()) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"model": "e5_small"}, "e5_small is another model than infoxlm_base."),
        ({"layers": (8,)}, "The paper's figures are of block 7."),
        ({"layers": (7, 8)}, "Block 7 has the highest average of the 2 computed, on these very"),
        ({"prefix": "query: "}, "Run with prefix='query: ', the paper's figures with ''."),
        ({"pooling": "cls"}, "Run with pooling='cls', the paper's figures with 'mean'."),
        ({"special_tokens": "false"}, "Run with special_tokens='false'"),
        ({"similarity": "margin"}, "Run with similarity='margin'"),
        ({"pairs": dict.fromkeys(TATOEBA, 300)}, "Among 300 pairs a language at most"),
        ({"pairs": {"de": 1000}}, "Averages are over de alone, the paper's as well."),
    ],
)
def test_caveats(changes, told):
    (caveat,) = comparison.caveats(results(**changes))
    assert caveat.startswith(told)


def test_files_of_one_layer(tmp_path):
    run = results()
    write_retrieval_report(run, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"results.json", "results.md"}
    assert json.loads((tmp_path / "results.json").read_text()) == run
    text = (tmp_path / "results.md").read_text()
    assert text.startswith("# example: infoxlm_base on tatoeba, block 7\n")
    assert "**79.8 % of English sentences found their translation, 77.0 % the other way" in text
    assert "| ar | 1,000 | 67.9 | 68.6 | −0.7 | 58.4 | 59.1 | −0.7 |" in text
    assert "infoxlm_paddle" in text
    assert "By block" not in text
    assert "- from the cache: 1,000" in text
    assert "- encoding speed: 94 sentences/s" in text
    assert "- `pooling=mean`" in text


def test_files_of_several_layers(tmp_path):
    run = results(layers=(0, 7, 2))
    plot_retrieval(run, tmp_path / "results.png")
    plot_layers(run, tmp_path / "layers.png")
    write_retrieval_report(run, tmp_path)
    rows = list(csv.reader((tmp_path / "layers.csv").open()))
    assert rows[0] == ["layer", "direction", *TATOEBA, "average"]
    assert [row[:2] for row in rows[1:]] == [
        [layer, direction] for layer in ("0", "2", "7") for direction in ("en_to_xx", "xx_to_en")
    ]
    assert rows[3][2] == "0.684000"
    assert float(rows[4][-1]) == pytest.approx(run["layers"]["2"]["xx_to_en"]["average"], abs=1e-6)
    text = (tmp_path / "results.md").read_text()
    assert "| 0 (embeddings) | 80.6 | 77.8 |" in text
    for link in ("![Accuracy by block](layers.png)", "[layers.csv](layers.csv)"):
        assert link in text


def test_terminal():
    page = Console(file=io.StringIO(), width=80, record=True)
    page.print(terminal_report(results(layers=(0, 12), model="e5_small")))
    text = page.export_text()
    assert ["ar", "1,000", "68.6", "68.6", "+0.0"] in [x.split()[:5] for x in text.splitlines()]
    assert "e5_small is another model than infoxlm_base." in text
    assert "12" in [line.split()[0] for line in text.splitlines() if line.split()]


def test_picture_of_the_languages(tmp_path, drawn):
    plot_retrieval(results(), tmp_path / "results.png")
    (axes,) = drawn[0].axes
    order = [label.get_text() for label in axes.get_xticklabels()]
    assert order[0] == "de"
    assert order[-2:] == ["sw", "average"]
    bars = [bars for bars in axes.containers if hasattr(bars, "patches")]
    heights = [[bar.get_height() for bar in side] for side in bars]
    assert heights[0][0] == pytest.approx(94.4)
    assert heights[1][0] == pytest.approx(93.2)
    assert heights[0][-1] == pytest.approx(79.8, abs=0.05)
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert sorted(legend) == [
        "English to the language", "InfoXLM base, published", "the language to English"
    ]  # fmt: skip


def test_picture_of_the_layers(tmp_path, drawn):
    plot_layers(results(layers=(0, 3, 7)), tmp_path / "layers.png")
    there, back = drawn[0].axes
    for axes, share in ((there, 0.951), (back, 0.939)):
        curves = [line.get_ydata() for line in axes.get_lines()[:15]]
        german = curves[list(TATOEBA).index("de")]
        assert german == pytest.approx([100 * share, 100 * share - 0.3, 100 * share - 0.7])
        assert axes.get_xlabel() == "block (0: embeddings); the average is highest at 0"
    assert {f"de {94.4}", f"sw {39.0}"} < {text.get_text() for text in there.texts}
