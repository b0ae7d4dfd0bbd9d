"""`infoxlm predict` with a model that answers questions: typed, and in files."""

import json

import pytest

from infoxlm.commands import predict
from infoxlm.errors import UserError
from infoxlm.schema.free_text import quote_free_text
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

CONTEXT = "a woman is playing the violin in the park, it's [new], {x} = $1"
ROWS = [("who is playing?", CONTEXT), ("谁在看书?", "孩子在家里看书,狗在睡觉。" * 9)]
OPTIONS = {"stride": 4, "max_question_length": 8}


@pytest.fixture(scope="module")
def folder(tiny_model, sentencepiece_file, tmp_path_factory):
    """A tiny model that answers questions."""
    folder = tmp_path_factory.mktemp("answers") / "model"
    model = tiny_model("InfoXLMForQuestionAnswering", train_max_length=32)
    model.config.task_name, model.config.question_answering = "question_answering", OPTIONS
    model.save_pretrained(folder)
    InfoXLMTokenizer(sentencepiece_file).save_pretrained(folder)
    return folder


@pytest.fixture
def run(compose, folder, capsys):
    """Runs the command with words as they are typed; gives what it prints, line by line."""

    def lines(*words):
        typed = quote_free_text([f"model.checkpoint={folder}", *words], "predict")
        predict.run(compose("predict", *typed), "")
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return lines


@pytest.fixture(scope="module")
def expected(folder):
    from infoxlm.deploy import Predictor

    predictor = Predictor.load(folder)
    assert len(predictor.encode(ROWS).token_ids) > len(ROWS)
    answers = predictor.predict(ROWS)
    return [{"row": row, **predictor.inference.record(x)} for row, x in enumerate(answers)]


def check_same(found, expected):
    """Compare lines of answers, whose probabilities come of batches of other sizes."""
    for one, other in zip(found, expected, strict=True):
        answers = [[line, *line["alternatives"]] for line in (one, other)]
        for ours, theirs in zip(*answers, strict=True):
            assert [ours[key] for key in ("answer", "start", "end")] == [
                theirs[key] for key in ("answer", "start", "end")
            ]
            assert ours["probability"] == pytest.approx(theirs["probability"], abs=1e-5)
        assert (one["row"], one["truncated"]) == (other["row"], other["truncated"])


def test_a_typed_question_in_either_way(run, expected):
    question, context = ROWS[0]
    for words in (
        (f"question={question}", f"context={context}"),
        (f"context={context}", f"question={question}"),
        (f"text={question} <sep> {context}",),
    ):
        (line,) = run(*words)
        check_same([line], expected[:1])
        assert line["answer"] == context[line["start"] : line["end"]]


def squad():
    paragraphs = [
        {"context": context, "qas": [{"id": f"q{row}", "question": question}]}
        for row, (question, context) in enumerate(ROWS)
    ]
    return json.dumps({"data": [{"paragraphs": paragraphs}]}, ensure_ascii=False)


@pytest.mark.parametrize("name", ["x.tsv", "x.jsonl", "squad.json", "lines.json"])
def test_files(run, expected, tmp_path, name):
    source, output = tmp_path / name, tmp_path / "out.tsv"
    lines = [json.dumps({"question": q, "passage": c}) for q, c in ROWS]
    table = "".join(f"{c}\t{q}\n" for q, c in [("question", "context"), *ROWS])
    contents = {"x.tsv": table, "squad.json": squad()}
    source.write_text(contents.get(name, "\n".join(lines)), encoding="utf-8")
    names = [f"q{row}" for row in range(len(ROWS))] if name == "squad.json" else None
    found = run(f"input={source}")
    check_same(found, expected)
    assert [line.get("id") for line in found] == (names or [None] * len(ROWS))
    assert run(f"input={source}", f"output={output}") == []
    header, *rows = output.read_text(encoding="utf-8").splitlines()
    assert header.split("\t") == [
        "row", *(["id"] if names else []),
        "answer", "start", "end", "probability", "truncated", "error",
    ]  # fmt: skip
    columns = list(zip(*(row.split("\t") for row in rows), strict=True))
    assert list(columns[-6]) == [line["answer"] for line in expected]
    if names:
        assert list(columns[1]) == names


def test_no_questions_in_squads_form_are_a_table_with_ids(run, tmp_path):
    (tmp_path / "x.json").write_text('{"data": []}')
    assert run(f"input={tmp_path / 'x.json'}", f"output={tmp_path / 'x.tsv'}") == []
    (header,) = (tmp_path / "x.tsv").read_text().splitlines()
    assert header.split("\t")[:2] == ["row", "id"]


def test_an_empty_context_in_squads_form_is_told(run, tmp_path, caplog):
    qas = [{"id": "a", "question": "who?"}]
    contexts = ({"context": text, "qas": qas} for text in (CONTEXT, " ", ""))
    (tmp_path / "x.json").write_text(json.dumps({"data": [{"paragraphs": [*contexts]}]}))
    assert [bool(line["answer"]) for line in run(f"input={tmp_path / 'x.json'}")] == [
        True, False, False,
    ]  # fmt: skip
    (told,) = (x.getMessage() for x in caplog.records if "is empty" in x.getMessage())
    assert "x.json, row 1: context is empty; it is predicted on as it is" in told


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["premise=a", "hypothesis=b"], 'takes question and context.*text="QUESTION<sep>CONTEXT"'),
        (["text=a"], r'has 0 <sep> instead of one.*text="QUESTION<sep>CONTEXT"\.$'),
        (["text=a", "labels=[b]"], "the model's task gives no labels to texts"),
        (["question=a", "context=b", "max_length=15"], "to more than 16"),
        (["input=missing.json"], "missing.json cannot be read: No such file"),
    ],
)
def test_mistakes_are_told_before_a_model_is_loaded(run, words, message, monkeypatch):
    monkeypatch.setattr("infoxlm.deploy.predictor.load_runtime", None)
    with pytest.raises(UserError, match=message):
        run(*words)


def test_a_folder_without_the_head_is_refused(tiny_model, folder, compose, tmp_path):
    tiny_model("InfoXLMModel").save_pretrained(tmp_path / "m")
    config = json.loads((tmp_path / "m" / "config.json").read_text())
    config["task_name"] = "question_answering"
    (tmp_path / "m" / "config.json").write_text(json.dumps(config))
    words = [f"model.checkpoint={tmp_path / 'm'}", "question=a", "context=b"]
    with pytest.raises(UserError, match="holds an encoder without a head of question answering"):
        predict.run(compose("predict", *words), "")
