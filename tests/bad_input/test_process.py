"""A few kinds in a process of their own: what a shell and a terminal get to see."""

import subprocess
import sys

import pytest

PREFIX = "infoxlm: error: "


def run(words, folder):
    line = [sys.executable, "-m", "infoxlm", *words]
    return subprocess.run(line, capture_output=True, text=True, cwd=folder)


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("frobnicate", ["no command 'frobnicate'", "The commands are"]),
        ("train optimizer.learning_rate=inf", ["learning_rate=inf", "above 0 and finite"]),
        (
            "train model=tiny data.root=data data.eval_languages=[en]",
            ["data/test/en.tsv, line 2: label 'maybe'", "Write entailment"],
        ),
        ("evaluate model.checkpoint=/no/such data=sample", ["/no/such does not exist", "Give"]),
        ("convert source=/no/such target=x", ["/no/such does not exist", "Give a folder"]),
        ("dashboard folder=data", ["data holds no VisualDL log", "Give a folder"]),
        (
            f"train model=tiny data=sample data.cache_dir={__file__}",
            ["the cache", "Set data.cache"],
        ),
    ],
)
def test_one_line_and_a_code(line, named, tmp_path):
    for split in ("train", "dev", "test"):
        (tmp_path / "data" / split).mkdir(parents=True)
        text = "premise\thypothesis\tlabel\na\tb\tmaybe\n"
        (tmp_path / "data" / split / "en.tsv").write_text(text)
    before = sorted(tmp_path.rglob("*"))
    finished = run(line.split(), tmp_path)
    assert finished.returncode == 1
    assert finished.stdout == ""
    assert finished.stderr.startswith(PREFIX)
    assert finished.stderr.count("\n") == 1
    for part in named:
        assert part in finished.stderr
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "line",
    [
        "train model=tiny data=sample data.train_languages=[de]",
        "train data=sample model.checkpoint=/no/such",
        "evaluate model.checkpoint=model data=sample",
        "convert source=/no/such target=x",
    ],
)
def test_late_mistakes_are_told_without_paddle(line, tmp_path):
    code = (
        "import sys; from infoxlm.cli.entry import main\n"
        "try: main(sys.argv[1:])\n"
        "finally: print({'paddle', 'torch'} & {*sys.modules})"
    )
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text('{"model_type": "bert"}')
    words = [sys.executable, "-c", code, *line.split()]
    finished = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path)
    assert finished.returncode == 1
    assert finished.stdout == "set()\n"
    assert finished.stderr.startswith(PREFIX)
