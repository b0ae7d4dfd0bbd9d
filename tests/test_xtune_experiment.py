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
    for name in ("collect", "runs", "script_gaps"):
        sys.modules.pop(name)


def right(share, english):
    """Forty rows a language, of which so many are right."""
    shares = {x: english if x == "en" else share for x in LANGUAGES}
    return {language: np.arange(40) < round(40 * part) for language, part in shares.items()}


@pytest.fixture
def xnli_root(tmp_path):
    """Forty test rows in Hindi and Urdu, the last ten of them in Latin letters."""
    for language, word in (("hi", "\u0939\u093e\u0901"), ("ur", "\u06c1\u0627\u06ba")):
        lines = ["premise\thypothesis\tlabel"]
        lines += [f"{word if row < 30 else 'haan'}\t{word}\tneutral" for row in range(40)]
        path = tmp_path / "xnli" / "test" / f"{language}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n")
    return tmp_path / "xnli"


def test_differences_are_paired_by_seed(
    collect, make_run, xnli_root, tmp_path, monkeypatch, capsys
):
    runs = {
        "plain-1": (0.5, 0.8), "plain-2": (0.6, 0.8),
        "translation-1": (0.7, 0.8), "translation-2": (0.7, 0.8),
        "translation_second_stage-1": (0.75, 0.8),
    }  # fmt: skip
    for name, shares in runs.items():
        make_run(name, right(*shares))
    words = ["collect.py", "--runs", str(tmp_path), "--xnli_root", str(xnli_root)]
    monkeypatch.setattr(sys, "argv", words)
    collect.main()
    record = json.loads((tmp_path / "comparison.json").read_text())
    found = record["variants"]
    assert found.keys() == {"plain", "translation", "translation_second_stage"}
    translation = found["translation"]
    assert translation["figures"]["gap"] == pytest.approx(0.1)
    assert translation["difference"]["gap"] == pytest.approx(-0.15)
    assert translation["difference"]["de"] == pytest.approx(0.15)
    assert translation["difference"]["en"] == 0
    # Student's t for two seeds, of differences of 0.2 and 0.1.
    expected = 12.706 * (0.1 / math.sqrt(2)) / math.sqrt(2)
    assert translation["half_width_over_seeds"]["de"] == pytest.approx(expected, rel=1e-3)
    for name in ("average", "gap", "de"):
        low, high = translation["interval_over_rows"][name]
        assert low < translation["difference"][name] < high
    second = found["translation_second_stage"]
    assert second["baseline"] == "translation"
    assert second["difference"]["de"] == pytest.approx(0.05)
    assert second["half_width_over_seeds"]["de"] is None
    assert (tmp_path / "comparison.png").exists()
    text = (tmp_path / "comparison.md").read_text()
    assert "| translation | 2 | 70.7 | 10.0 | plain | +14.0 ± 59.3 |" in text
    # Right are the first rows: of the 30 in script 20 and 24 in Hindi and all in English, of the
    # 10 behind none and 2.
    hindi = record["scripts"]["plain"]["hi"]
    assert (hindi["rows"], hindi["in_script"], hindi["other"]) == (10, pytest.approx(22 / 30), 0)
    assert hindi["english_other"] == pytest.approx(0.2)
    assert hindi["gap"] == pytest.approx(0.25)
    assert hindi["added"] == pytest.approx(0.25 - 8 / 30)
    assert hindi["interval"][0] < hindi["added"] < hindi["interval"][1]
    assert text in capsys.readouterr().out


def test_runs_without_plain_ones_say_so(collect, tmp_path, monkeypatch):
    words = ["collect.py", "--runs", str(tmp_path), "--xnli_root", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit, match="holds no finished run plain"):
        collect.main()


def test_swahili_rows_are_halved_by_words_left_in_english(collect, tmp_path, monkeypatch):
    swahili = importlib.import_module("swahili")
    monkeypatch.setitem(sys.modules, "swahili", swahili)
    rows = [  # Swahili, English: 2 of 4 words left, none (a name is none), 1 of 3, all
        (("Well sawa", "uh ndiyo"), ("well okay", "uh yes"), "neutral"),
        (("Braves wanakuja", "hapana"), ("the Braves come", "no"), "neutral"),
        (("yeah hii", "ni"), ("yeah this", "is"), "neutral"),
        (("it is", "the end"), ("it is", "the end"), "neutral"),
        (("nyumba", "yeah"), ("a house", "yeah"), "entailment"),
        (("nyumba", "ndiyo"), ("a house", "yeah"), "entailment"),
    ]
    for place, language in enumerate(("sw", "en")):
        lines = ["premise\thypothesis\tlabel"]
        lines += ["\t".join((*row[place], row[2])) for row in rows]
        (tmp_path / f"{language}.tsv").write_text("\n".join(lines) + "\n")
    found = swahili.write_halves(tmp_path, tmp_path / "out")
    # Twos: the entailments; of the others those with uh or yeah, and those without.
    assert found == {"few": pytest.approx(1 / 9), "many": pytest.approx(2 / 3)}
    few = (tmp_path / "out/data/few/sw.tsv").read_text().splitlines()
    assert few[1:] == [
        "Braves wanakuja\thapana\tneutral", "yeah hii\tni\tneutral", "nyumba\tndiyo\tentailment"
    ]  # fmt: skip


def test_what_swahili_words_left_in_english_cost(collect, make_run, tmp_path, monkeypatch):
    swahili = importlib.import_module("swahili")
    monkeypatch.setitem(sys.modules, "swahili", swahili)
    monkeypatch.setattr(swahili, "HERE", tmp_path)
    monkeypatch.setattr(swahili, "train", lambda words, run: None)
    monkeypatch.setattr(swahili, "write_halves", lambda *_: {"few": 0.03, "many": 0.2})
    shares = {"sw-few": 0.8, "sw-many": 0.5, "en-few": 0.7, "en-many": 0.6}
    for name, share in shares.items():
        for seed in (1, 2):
            part = np.arange(40) < round(40 * share)
            make_run(f"{name}-{seed}", {"en": part, "sw": part})
    words = ["swahili.py"]
    for name in ("xnli_root", "train_root", "checkpoint", "out"):
        words += [f"--{name}", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", [*words, "--seeds", "1", "2"])
    swahili.main()
    text = (tmp_path / "swahili.md").read_text()
    assert "3.0 % are left in English in the half with few, 20.0 %" in text
    assert "| sw | sw | 80.0 | 50.0 | +30.0 ± 0.0 | +17.5 to +45.0 |" in text
    assert "| sw less en | sw |  |  | +20.0 ± 0.0 |" in text
    cost = json.loads((tmp_path / "swahili.json").read_text())["accuracy"]["cost in sw"]
    assert cost == pytest.approx([0.2, 0.2])
