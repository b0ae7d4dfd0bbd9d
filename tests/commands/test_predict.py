import json
import logging
import subprocess
import sys

import pytest

from infoxlm.commands import predict
from infoxlm.errors import UserError
from infoxlm.schema.free_text import quote_free_text
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

PAIRS = [('it\'s, "a" [b] {c} $d = e', "é #f"), ("孩子在家里看书", "狗在睡觉。"), ("a", "")]


@pytest.fixture(scope="module")
def best(trained):
    return trained.folder / "checkpoints" / "best"


@pytest.fixture
def run(compose, best, capsys):
    """Runs the command with words as they are typed; gives what it prints, line by line."""

    def lines(*words, checkpoint=best):
        typed = quote_free_text([f"model.checkpoint={checkpoint}", *words], "predict")
        predict.run(compose("predict", *typed), "")
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return lines


@pytest.fixture(scope="module")
def expected(best):
    from infoxlm.deploy import Predictor

    return [prediction.probabilities for prediction in Predictor.load(best).predict(PAIRS)]


def test_a_typed_pair_in_either_way(run, expected):
    for words in (
        (f"text={PAIRS[0][0]}  <sep> {PAIRS[0][1]}",),
        (f"premise={PAIRS[0][0]}", f"hypothesis={PAIRS[0][1]}"),
    ):
        (line,) = run(*words)
        assert line["row"] == 0
        assert line["probabilities"] == pytest.approx(expected[0], abs=1e-5)
        assert line["label"] == max(expected[0], key=expected[0].get)
        assert line["truncated"] is False


def test_checkpoint_that_knows_no_entailment(run, tiny_model, sentencepiece_file, tmp_path):
    folder = tmp_path / "model"
    tiny_model(id2label={0: "good", 1: "bad"}).save_pretrained(folder)
    InfoXLMTokenizer(sentencepiece_file).save_pretrained(folder)
    (line,) = run("premise=a", "hypothesis=b", checkpoint=folder)
    assert list(line["probabilities"]) == ["good", "bad"]
    with pytest.raises(UserError, match=f"model.checkpoint={folder}: the model's labels are good"):
        run("text=a", "labels=[b]", checkpoint=folder)


@pytest.mark.parametrize("name", ["x.tsv", "x.csv", "x.jsonl"])
def test_files(run, expected, tmp_path, name, caplog):
    source, output = tmp_path / "in, [1] = π's.tsv", tmp_path / "out.jsonl"
    source = source.with_suffix(name[1:])
    write_pairs(source)
    assert run(f"input={source}") == run(f"input={source}", "max_length=32")
    with caplog.at_level(logging.INFO):
        assert run(f"input={source}", f"output={output}") == []
    assert f"{source}: 3 rows; written {output}" in caplog.text
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    for line, row, probabilities in zip(lines, range(3), expected, strict=True):
        assert line["row"] == row
        assert line["probabilities"] == pytest.approx(probabilities, abs=1e-5)
    with pytest.raises(UserError, match="exists.*overwrite=true"):
        run(f"input={source}", f"output={output}")
    run(f"input={source}", f"output={output}", "overwrite=true")


def write_pairs(file):
    import csv

    with open(file, "w", encoding="utf-8", newline="") as stream:
        if file.suffix == ".csv":
            csv.writer(stream).writerows([("premise", "hypothesis"), *PAIRS])
        elif file.suffix == ".tsv":
            stream.writelines(f"{a}\t{b}\n" for a, b in [("premise", "hypothesis"), *PAIRS])
        else:
            stream.writelines(json.dumps({"premise": a, "hypothesis": b}) + "\n" for a, b in PAIRS)


@pytest.mark.parametrize("output", ["out.jsonl", "out.tsv"])
def test_no_rows_are_answered_with_no_rows(run, tmp_path, output):
    (tmp_path / "in.tsv").write_text("premise\thypothesis\n")
    (tmp_path / "in.jsonl").write_text("")
    for source in ("in.tsv", "in.jsonl"):
        assert run(f"input={tmp_path / source}") == []
        words = (f"input={tmp_path / source}", f"output={tmp_path / output}", "overwrite=true")
        assert run(*words) == []
        header = {"out.tsv": 1, "out.jsonl": 0}[output]
        assert len((tmp_path / output).read_text().splitlines()) == header


def test_bad_rows(run, tmp_path):
    source = tmp_path / "x.tsv"
    source.write_text("premise\thypothesis\na\tb\nbad\nc\td\n")
    lines = run(f"input={source}")
    assert [line.get("error") for line in lines] == [None, "line 3: 1 columns instead of 2", None]
    with pytest.raises(UserError, match=r"x.tsv, row 1: line 3: 1 columns"):
        run(f"input={source}", "on_error=stop")


def test_zero_shot(run, best, tmp_path):
    from infoxlm.deploy import Predictor, ZeroShotClassifier

    labels, text = ["政治", "art, music"], "孩子在家里看书 <sep> it's"
    words = ('labels=[政治,"art, music"]', "template=It's about {}, I think.")
    classifier = ZeroShotClassifier(Predictor.load(best), labels, "It's about {}, I think.")
    (expected,) = classifier.predict([text])
    (line,) = run(f"text={text}", *words)
    assert line["label"] == expected.label
    assert line["probabilities"] == pytest.approx(expected.probabilities, abs=1e-5)
    (tmp_path / "x.csv").write_text(f"text\n{text}\n")
    run(f"input={tmp_path / 'x.csv'}", f"output={tmp_path / 'out.tsv'}", *words)
    header, row = (tmp_path / "out.tsv").read_text().splitlines()
    assert header.split("\t") == ["row", "label", *labels, "truncated", "error"]
    shares = [expected.probabilities[label] for label in labels]
    assert [float(cell) for cell in row.split("\t")[2:4]] == pytest.approx(shares, abs=1e-5)
    (own,) = run(f"text={text}", *words, "multi_label=true")
    assert sum(own["probabilities"].values()) != pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "nothing to predict on"),
        (["text=a<sep>b", "input=x.tsv"], "text and input to predict on"),
        (["premise=a"], "premise and hypothesis belong together"),
        (["hypothesis=a"], "premise and hypothesis belong together"),
        (["premise=a", "hypothesis=b", "labels=[c]"], "labels with premise and hypothesis"),
        (["question=a"], "question and context belong together"),
        (["context=a", "premise=a"], "premise and hypothesis belong together"),
        (["question=a", "context=b", "labels=[c]"], "labels with question and context"),
        (["question=a", "context=b", "text=c"], "text and question to predict on"),
        (
            ["question=a", "context=b"],
            "question and context with a model that takes premise and hypothesis",
        ),
        (["question=a", "context=b\udcff"], "context=.* holds bytes that are no characters"),
        (["text=no separator"], r"text='no separator' has 0 <sep> instead of one.*labels="),
        (["text=a\udcff<sep>b"], "text='a.*' holds bytes that are no characters"),
        (["premise=a", "hypothesis=\udcffb"], "hypothesis=.* holds bytes that are no characters"),
        (["text=a<sep>b<sep>c"], "has 2 <sep> instead of one"),
        (["text=a", "labels=[b,b]"], "Name each label once"),
        (["text=a", "labels=[b]", "template=c"], "template='c' has no {}"),
        (["input=missing.tsv"], "missing.tsv cannot be read: No such file"),
        (["text=a<sep>b", "output=x.csv"], "output=x.csv is neither .jsonl nor .tsv"),
    ],
)
def test_mistakes_are_told_before_a_model_is_loaded(run, words, message, monkeypatch):
    monkeypatch.setattr(predict, "Predictor", None)
    with pytest.raises(UserError, match=message):
        run(*words)


def test_exactly_as_it_is_typed_in_bash(best, tmp_path):
    """Through the shell, in a process of its own, with a model that needs no paddle."""
    pytest.importorskip("onnxruntime")
    from infoxlm.deploy.export import ExportOptions, export_model

    export_model(best, tmp_path / "exported", ExportOptions(onnx=True))
    (tmp_path / "empty").mkdir()
    line = (
        f"{sys.executable} -m infoxlm predict model.checkpoint=../exported runtime=onnx "
        'text="You don\'t have to stay here.<sep>You can not leave."'
    )
    finished = subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, cwd=tmp_path / "empty"
    )
    assert finished.stderr == ""
    printed = json.loads(finished.stdout)
    assert set(printed["probabilities"]) == {"contradiction", "entailment", "neutral"}
    assert list((tmp_path / "empty").iterdir()) == []
