import json

import pytest

from infoxlm.errors import UserError
from infoxlm.tasks.question_answering.questions import Answer, Question
from infoxlm.tasks.question_answering.squad_file import Entry, read_entries

CONTEXT = "นี่คือ 橋 on the Elbe"


def entry(answers, context=CONTEXT, asked="?", impossible=False):
    return Entry(Question("q", asked, context, answers, 0), "file", impossible)


def test_questions_of_several_files(write):
    english, chinese = write("a.json"), write("b.json", "zh")
    found = list(read_entries([english, chinese]))
    assert [x.question.row for x in found] == [0, 1, 2, 3]
    assert [x.file for x in found] == [english, english, chinese, chinese]
    assert [x.impossible for x in found] == [False] * 4
    first, last = found[0].question, found[3].question
    assert first.answers == (Answer("1893", 38),) and first.title == "Bridges"
    assert last == Question(
        "q2", "桥是什么颜色?", last.context, (Answer("蓝色", 23),), 3, "Bridges"
    )
    assert all(x.fault() is None for x in found)


def test_questions_that_share_a_context_share_it_in_memory(write):
    first, second = read_entries([write("a.json")])
    assert first.question.context is second.question.context


@pytest.mark.parametrize(
    ("found", "fault"),
    [
        (entry((Answer("橋", 7),)), None),
        (entry((Answer("橋", 21),)),
         "its answer '橋' is not at answer_start=21, but at 7"),
        (entry((Answer("橋", 10),)),
         "its answer '橋' is not at answer_start=10, where 'n' stands, but at 7"),
        (entry((Answer("橋", 7), Answer("Rhine", 16))),
         "its answer 'Rhine' is not at answer_start=16, where 'Elbe' stands, nor elsewhere in the "
         "text"),
        (entry((Answer("Elbe", -4),)), "its answer 'Elbe' is not at answer_start=-4, but at 16"),
        (entry((Answer("a", 4),), context="a bbb a"),
         "its answer 'a' is not at answer_start=4, where 'b' stands, but at 6"),
        (entry((Answer("a", 2),), context="a bbb a"),
         "its answer 'a' is not at answer_start=2, where 'b' stands, but at 0"),
        (entry((Answer(" ", 6),)), "it has an empty answer"),
        (entry((Answer("", 3),)), "it has an empty answer"),
        (entry((Answer("a", 0),), context=" \n"), "its context is empty"),
        (entry((Answer("橋", 7),), asked=" "), "it asks nothing"),
        (entry(()), 'it has no answer, and no "is_impossible": true'),
        (entry((), impossible=True), None),
        (entry((Answer("橋", 7),), impossible=True), "it is_impossible, but has answers"),
    ],
)  # fmt: skip
def test_faults(found, fault):
    assert found.fault() == fault


def test_no_list_of_answers(write):
    qas = [{"id": "a", "question": "?"}, {"id": "b", "question": "?", "answers": None}]
    data = [{"paragraphs": [{"context": "text", "qas": qas}]}]
    found = list(read_entries([write("a.json", data=data)]))
    assert [x.question.answers for x in found] == [(), ()]
    assert found[0].question.title == "" and found[0].fault().startswith("it has no answer")


QA = {"id": "a", "question": "?", "answers": [{"text": "t", "answer_start": 0}]}


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ({"version": "1.1"}, "it has no data"),
        ({"data": {}}, r"data is \{\}, not a list"),
        ({"data": [{"title": "t"}]}, r"data\[0\] has no paragraphs"),
        ({"data": [{"paragraphs": [{"qas": []}]}]}, r"paragraphs\[0\] has no context"),
        ({"data": [{"paragraphs": [{"context": 5, "qas": []}]}]}, "context is 5, not a text"),
        ({"data": [{"paragraphs": [{"context": "t", "qas": [QA | {"id": 7}]}]}]}, "id is 7, not"),
        ({"data": [{"paragraphs": [{"context": "t", "qas": [{"id": "a"}]}]}]}, "has no question"),
        ({"data": [{"paragraphs": [{"context": "t", "qas": [QA | {"answers": [{"text": "t"}]}]}]}]},
         r"answers\[0\] has no answer_start"),
        ({"data": [{"paragraphs": [{"context": "t", "qas": [
            QA | {"answers": [{"text": "t", "answer_start": "0"}]}]}]}]},
         "answer_start is '0', not a whole number"),
    ],
)  # fmt: skip
def test_another_form(write, contents, message):
    path = write("a.json", **contents)
    with pytest.raises(UserError, match=rf"a.json is not in SQuAD's form: .*{message}.* Give \{{"):
        list(read_entries([path]))
    assert path.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "a.json is not JSON"),
        (b'{"data": [', "a.json is not JSON"),
        (b"premise\thypothesis\tlabel\n", "a.json is not JSON: Expecting value"),
        (json.dumps({"data": []}).encode("utf-16"), "a.json is UTF-16, not text in UTF-8"),
        ('{"data": "ä"}'.encode("latin-1"), "a.json is not JSON: .*utf-8"),
        (b"[]", "is not in SQuAD's form: it is .*not an object"),
    ],
)
def test_other_files(tmp_path, content, message):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(UserError, match=message) as found:
        list(read_entries([tmp_path / "a.json"]))
    assert "\n" not in str(found.value)


def test_missing_file(tmp_path):
    with pytest.raises(UserError, match="none.json cannot be read: No such file"):
        list(read_entries([tmp_path / "none.json"]))
