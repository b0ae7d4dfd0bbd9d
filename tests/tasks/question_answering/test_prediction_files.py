import json

import pytest

from infoxlm.tasks.question_answering.options import AnsweringOptions
from infoxlm.tasks.question_answering.prediction_files import write_answers


def written(folder, name):
    return json.loads((folder / "predictions" / name).read_text(encoding="utf-8"))


def test_files_of_a_language(tmp_path, question, answers):
    asked = [question("a", 0, "cat"), question("b", 1, context="北京 大学")]
    part = answers("zh", asked, [["cat", "mat"], "大学"])
    write_answers(part, AnsweringOptions(), tmp_path)
    assert written(tmp_path, "predictions.zh.json") == {"a": "cat", "b": "大学"}
    first, second = written(tmp_path, "nbest_predictions.zh.json")["a"]
    assert {**first, "probability": 0} == {
        "text": "cat", "start": 8, "end": 11, "score": 5.0, "probability": 0,
    }  # fmt: skip
    assert second["text"] == "mat"
    assert first["probability"] == pytest.approx(0.7310585786)  # 1 / (1 + e^-1)
    assert first["probability"] + second["probability"] == pytest.approx(1)
    names = {path.name for path in (tmp_path / "predictions").iterdir()}
    assert names == {"predictions.zh.json", "nbest_predictions.zh.json"}


def test_no_answer_is_an_empty_text(tmp_path, question, answers):
    asked = [question("a", 0, "cat"), question("b", 1)]
    part = answers("en", asked, ["cat", "cat"], nulls=[4, 6])
    write_answers(part, AnsweringOptions(), tmp_path)
    assert written(tmp_path, "predictions.en.json") == {"a": "cat", "b": ""}
    assert written(tmp_path, "null_odds.en.json") == {"a": -1.0, "b": 1.0}
    found = written(tmp_path, "nbest_predictions.en.json")
    assert [[x["text"] for x in found[name]] for name in "ab"] == [["cat", ""], ["", "cat"]]


def test_pairs_of_languages_have_files_of_their_own(tmp_path, question, answers):
    part = answers("en", [question("a", 0)], [[]], question_language="de")
    write_answers(part, AnsweringOptions(), tmp_path)
    assert written(tmp_path, "predictions.en-de.json") == {"a": ""}
    assert written(tmp_path, "nbest_predictions.en-de.json") == {"a": []}
