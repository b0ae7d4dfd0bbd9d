import json

import pytest

from infoxlm.errors import UserError
from infoxlm.tasks.question_answering.input_file import squad_rows


def squad(*paragraphs):
    return {"version": "1.1", "data": [{"title": "t", "paragraphs": list(paragraphs)}]}


def paragraph(context, *questions, **more):
    qas = [{"id": f"x{at}", "question": q, **more} for at, q in enumerate(questions)]
    return {"context": context, "qas": qas}


def test_each_question_comes_with_its_context(tmp_path):
    path = tmp_path / "dev.json"
    answers = [{"text": "not there", "answer_start": 99}]
    content = squad(paragraph("c d", "a?", "b?", answers=answers), paragraph("é 中", "到?"))
    named = {"name": "a set", **content}
    for text in (
        json.dumps(content), "\ufeff \n" + json.dumps(content, ensure_ascii=False),
        json.dumps(named), json.dumps(named, indent=1),
    ):  # fmt: skip
        path.write_text(text, encoding="utf-8")
        assert list(squad_rows(path)) == [
            ("x0", ("a?", "c d")), ("x1", ("b?", "c d")), ("x0", ("到?", "é 中")),
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.json", '{"question": "a", "context": "b"}\n'),
        ("x.json", ""),
        ("x.json", "\n"),
        ("x.json", '\ufeff\n{"hello": [1]}\n'),
        ("x.jsonl", json.dumps(squad())),
        ("missing.json", None),
    ],
)
def test_other_files_are_left_to_others(tmp_path, name, text):
    if text is not None:
        (tmp_path / name).write_text(text)
    assert squad_rows(tmp_path / name) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"data": [', "x.json is not JSON: Expecting value"),
        ('{"data": 3}', "data is 3, not a list"),
        ('{"version": "2"}', "it has no data"),
        ("[1, 2]", "x.json"),
        ('{\n  "hello": [1]\n}', "it has no data"),
        (json.dumps(squad({"qas": []})), r"data\[0\].paragraphs\[0\] has no context"),
        (json.dumps(squad({"context": "c"})), r"paragraphs\[0\] has no qas"),
        (json.dumps(squad(paragraph("c", 3))), r"qas\[0\].question is 3, not a text"),
        (json.dumps(squad(paragraph("c\ud800", "a"))), "half a character"),
    ],
)
def test_files_at_fault_are_refused(tmp_path, text, message):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(UserError, match=message):
        squad_rows(tmp_path / "x.json")
