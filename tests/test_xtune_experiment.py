"""The tables of experiments/xtune, made of runs whose accuracies are known."""

import importlib
import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest

from infoxlm.data.xnli import LANGUAGES

FOLDER = Path(__file__).parents[1] / "experiments" / "xtune"


@pytest.fixture
def collect(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(FOLDER)
    module = importlib.import_module("collect")
    monkeypatch.setattr(module, "HERE", tmp_path)
    yield module
    for name in ("collect", "runs"):
        sys.modules.pop(name)


def right(share, english):
    """Forty rows a language, of which so many are right."""
    shares = {x: english if x == "en" else share for x in LANGUAGES}
    return {language: np.arange(40) < round(40 * part) for language, part in shares.items()}


def test_differences_are_paired_by_seed(collect, make_run, tmp_path, monkeypatch, capsys):
    runs = {
        "plain-1": (0.5, 0.8), "plain-2": (0.6, 0.8),
        "translation-1": (0.7, 0.8), "translation-2": (0.7, 0.8),
        "translation_second_stage-1": (0.75, 0.8),
    }  # fmt: skip
    for name, shares in runs.items():
        make_run(name, right(*shares))
    monkeypatch.setattr(sys, "argv", ["collect.py", "--runs", str(tmp_path)])
    collect.main()
    found = json.loads((tmp_path / "comparison.json").read_text())["variants"]
    assert found.keys() == {"plain", "translation", "translation_second_stage"}
    translation = found["translation"]
    assert translation["figures"]["gap"] == pytest.approx(0.1)
    assert translation["difference"]["gap"] == pytest.approx(-0.15)
    assert translation["difference"]["de"] == pytest.approx(0.15)
    assert translation["difference"]["en"] == 0
    # Student's t for two seeds, of differences of 0.2 and 0.1.
    expected = 12.706 * (0.1 / math.sqrt(2)) / math.sqrt(2)
    assert translation["half_width_over_seeds"]["de"] == pytest.approx(expected, rel=1e-3)
    low, high = translation["interval_over_rows"]
    assert low < translation["difference"]["average"] < high
    second = found["translation_second_stage"]
    assert second["baseline"] == "translation"
    assert second["difference"]["de"] == pytest.approx(0.05)
    assert second["half_width_over_seeds"]["de"] is None
    assert (tmp_path / "comparison.png").exists()
    text = (tmp_path / "comparison.md").read_text()
    assert "| translation | 2 | 70.7 | 10.0 | +14.0 ± 59.3 |" in text
    assert text in capsys.readouterr().out


def test_runs_without_plain_ones_say_so(collect, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["collect.py", "--runs", str(tmp_path)])
    with pytest.raises(SystemExit, match="holds no finished run plain"):
        collect.main()


def test_swahili_rows_are_halved_by_words_left_in_english(collect, tmp_path, monkeypatch):
    swahili = importlib.import_module("swahili")
    monkeypatch.setitem(sys.modules, "swahili", swahili)
    rows = [  # Swahili, English: 2 of 4 words left, none (a name is none), 1 of 3, all
        (("Well sawa", "uh ndiyo"), ("well okay", "uh yes")),
        (("Braves wanakuja", "hapana"), ("the Braves come", "no")),
        (("yeah hii", "ni"), ("yeah this", "is")),
        (("it is", "the end"), ("it is", "the end")),
    ]
    for place, language in enumerate(("sw", "en")):
        lines = ["premise\thypothesis\tlabel"]
        lines += ["\t".join((*row[place], "neutral")) for row in rows]
        (tmp_path / f"{language}.tsv").write_text("\n".join(lines) + "\n")
    found = swahili.write_halves(tmp_path, tmp_path / "out")
    assert found == {"few": pytest.approx(1 / 6), "many": pytest.approx(3 / 4)}
    few = (tmp_path / "out/data/few/sw.tsv").read_text().splitlines()
    assert few[1:] == ["Braves wanakuja\thapana\tneutral", "yeah hii\tni\tneutral"]
