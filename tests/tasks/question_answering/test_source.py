import logging
import shutil

import pytest

from infoxlm.errors import UserError
from infoxlm.schema import DataConfig, QuestionAnsweringConfig
from infoxlm.schema.choices import AnswerRules, Faulty, Unanswerable
from infoxlm.tasks.question_answering.source import open_questions

TEXT = "The bridge was built in 1893."


def opened(name="squad", task=None, **data):
    places = {key: value if value is None else str(value) for key, value in data.items()
              if key in ("root", "train_root", "dev_root")}  # fmt: skip
    config = DataConfig(name, cache_dir="unused", **data | places)
    return open_questions(config, QuestionAnsweringConfig(**(task or {})))


def ids(questions):
    return [question.id for question in questions]


def contents(*qas, context=TEXT):
    return {"data": [{"paragraphs": [{"context": context, "qas": list(qas)}]}]}


def qa(name, start=24, **more):
    return {"id": name, "question": "When?", "answers": [{"text": "1893", "answer_start": start}],
            **more}  # fmt: skip


IMPOSSIBLE = {"id": "none", "question": "Who?", "answers": [], "is_impossible": True}


def test_each_language(write, tmp_path):
    for language in ("de", "en", "th", "zh"):
        write(f"xquad.{language}.json", language)
    source = opened("xquad", root=tmp_path)
    assert source.name == str(tmp_path) and source.rules == "squad"
    assert source.languages("train") == ()
    for split in ("dev", "test"):
        assert source.languages(split) == ("de", "en", "th", "zh")
        for language in source.languages(split):
            found = list(source.read(split, language))
            assert [(x.id, x.row) for x in found] == [("q1", 0), ("q2", 1)]
            for question in found:
                (answer,) = question.answers
                assert question.context[answer.start :].startswith(answer.text)
            assert source.files(split, language) == (tmp_path / f"xquad.{language}.json",)
            assert ids(source.read(split, language, limit=1)) == ["q1"]
            assert ids(source.read(split, language, limit=9)) == ["q1", "q2"]


def test_pairs_of_languages_are_joined_by_ids(write, tmp_path):
    german = write("dev/de.json", "de")
    english = write("dev/en.json", **contents(qa("q9"), qa("q1")))
    source = opened("mlqa", root=tmp_path)
    assert source.rules == "mlqa"
    assert source.combinations("dev") == ("de", "de-en", "en", "en-de")
    (found,) = source.read("dev", "de-en")
    (own,) = (x for x in source.read("dev", "de") if x.id == "q1")
    assert found == own._replace(question="When?") and "Brücke" in found.context
    (other,) = source.read("dev", "en-de")
    assert (other.question, other.context, other.row) == ("Wann wurde die Brücke gebaut?", TEXT, 1)
    assert list(source.read("dev", "en-de", limit=1)) == []
    assert list(source.read("dev", "de-de")) == list(source.read("dev", "de"))
    assert source.files("dev", "de-en") == (german, english)
    assert source.files("dev", "de-de") == (german,)
    fingerprints = {source.fingerprint("dev", x) for x in ("de", "en", "de-en", "en-de")}
    assert len(fingerprints) == 4


def test_pairs_of_languages_that_have_a_file(write, tmp_path):
    for context, question in [("de", "de"), ("de", "en"), ("zh", "zh")]:
        write(f"test/test-context-{context}-question-{question}.json", context, question)
    source = opened("anything", root=tmp_path)
    assert source.rules == "mlqa"
    assert source.languages("test") == ("de", "zh")
    assert source.combinations("test") == ("de", "de-en", "de-zh", "zh", "zh-de")
    first, _ = source.read("test", "de-en")
    assert first.question == "When was the bridge built?" and first.context.startswith("Die Brücke")
    assert len(source.files("test", "de-en")) == 1 and len(source.files("test", "de-zh")) == 2


def test_rules_that_are_asked_for(write, tmp_path):
    write("dev/de.json", "de")
    assert opened("mlqa", {"rules": AnswerRules.squad}, root=tmp_path).rules == "squad"
    assert opened("squad", {"rules": AnswerRules.mlqa}, root=tmp_path).rules == "mlqa"


def test_training_and_dev_lie_elsewhere(write, tmp_path):
    write("xquad/xquad.de.json", "de")
    train = [write("a/one.en.json"), write("a/two.en.json", **contents(qa("x")))]
    dev = write("squad/dev-v1.1.json", **contents(qa("y")))
    source = opened(
        "xquad", root=tmp_path / "xquad", train_files=[str(tmp_path / "a" / "*.json")], dev_root=dev
    )
    assert ids(source.read("train", "en")) == ["q1", "q2", "x"]
    assert [x.row for x in source.read("train", "en")] == [0, 1, 2]
    assert source.languages("dev") == ("en",) and ids(source.read("dev", "en")) == ["y"]
    assert source.languages("test") == ("de",)
    assert source.files("train", "en") == tuple(train)
    for key in ({"train_files": list(map(str, train))}, {"train_root": tmp_path / "a"}):
        again = opened(**key)
        assert ids(again.read("train", "en")) == ["q1", "q2", "x"]
        assert again.languages("dev") == ()
    with pytest.raises(UserError, match="data.train_root=.* with data.train_files. Give one"):
        opened(train_root=tmp_path / "a", train_files=["b"])


def test_what_is_missing(write, tmp_path):
    with pytest.raises(UserError, match="data.root is not set. Give data.root=FOLDER"):
        opened()
    write("dev/de.json", "de")
    source = opened(root=tmp_path)
    with pytest.raises(UserError, match="no dev questions in 'fr', only de. .*eval_languages"):
        source.read("dev", "fr")
    with pytest.raises(UserError, match="no dev questions in 'de-fr', only de. "):
        source.files("dev", "de-fr")
    with pytest.raises(UserError, match="no train questions in 'en'. Give data.train_root="):
        source.read("train", "en")


FAULTY = (qa("a"), qa("b", start=5), qa("c", start=0), qa("d"))


def test_questions_at_fault_are_refused(write, tmp_path):
    path = write("dev.en.json", **contents(*FAULTY))
    with pytest.raises(UserError) as error:
        opened(root=tmp_path).read("dev", "en")
    assert str(error.value) == (
        f"{path}, question b: its answer '1893' is not at answer_start=5, where 'ridg' stands, but "
        "at 24 (and 1 more at fault). Mend the file, or leave such questions out with "
        "task.faulty=drop."
    )


def test_questions_at_fault_are_dropped_and_counted(write, tmp_path, caplog):
    write("dev.en.json", **contents(*FAULTY))
    source = opened(root=tmp_path, task={"faulty": Faulty.drop})
    with caplog.at_level(logging.WARNING):
        found = list(source.read("dev", "en"))
    assert [(x.id, x.row) for x in found] == [("a", 0), ("d", 3)]
    # A limit takes the same rows in every language.
    assert ids(source.read("dev", "en", limit=3)) == ["a"]
    assert "2 of 4 questions are at fault and left out (task.faulty=drop), the first: " in (
        caplog.text
    )


def test_what_is_left_out_is_said_once(write, tmp_path, caplog):
    write("train.en.json", **contents(*FAULTY))
    source = opened(root=tmp_path, task={"faulty": Faulty.drop})
    source.log_left_out("train", "en")
    source.log_left_out("train", "en")
    assert caplog.text.count("2 of 4 questions are at fault") == 1
    caplog.clear()
    # Where nothing is to be left out, no file is read for it.
    opened(root=tmp_path).log_left_out("train", "en")
    assert caplog.text == ""


def test_ids_that_come_twice(write, tmp_path):
    first = write("dev.en.json", **contents(qa("a"), qa("a", question="When built?")))
    with pytest.raises(UserError, match=f"question a: its id comes twice, first in {first}. Mend"):
        opened(root=tmp_path).read("dev", "en")
    source = opened(root=tmp_path, task={"faulty": Faulty.drop})
    assert [x.question for x in source.read("dev", "en")] == ["When?"]
    # In training nothing goes by ids, but a question that comes twice is one too many.
    source = opened(train_root=first)
    assert ids(source.read("train", "en")) == ["a", "a"]
    again = tmp_path / "again.en.json"
    shutil.copy(first, again)
    source = opened(train_files=[str(first), str(again)])
    with pytest.raises(UserError, match=f"^{again}, question a: .*first in {first} .and 1 more"):
        source.read("train", "en")


def test_questions_without_an_answer(write, tmp_path, caplog):
    path = write("dev.en.json", **contents(qa("a"), IMPOSSIBLE, qa("c", is_impossible=False)))
    message = (
        f"{path}: 1 of 3 questions have no answer, the first being none. Set task.unanswerable=drop"
    )
    with pytest.raises(UserError, match=message):
        opened(root=tmp_path).read("dev", "en")
    kept = opened(root=tmp_path, task={"unanswerable": Unanswerable.keep})
    assert [(x.id, len(x.answers)) for x in kept.read("dev", "en")] == [
        ("a", 1), ("none", 0), ("c", 1),
    ]  # fmt: skip
    dropped = opened(root=tmp_path, task={"unanswerable": Unanswerable.drop})
    with caplog.at_level(logging.INFO):
        assert [(x.id, x.row) for x in dropped.read("dev", "en")] == [("a", 0), ("c", 2)]
    assert "1 of 3 questions have no answer and are left out" in caplog.text
    fingerprints = {source.fingerprint("dev", "en") for source in (kept, dropped)}
    assert len(fingerprints) == 2


def test_fingerprint_follows_the_file(write, tmp_path):
    write("dev.en.json")
    before = opened(root=tmp_path).fingerprint("dev", "en")
    assert opened(root=tmp_path).fingerprint("dev", "en") == before
    write("dev.en.json", **contents(qa("a")))
    assert opened(root=tmp_path).fingerprint("dev", "en") != before


# Real data


def test_mlqa_as_it_is_published(shared):
    source = opened("mlqa", root=shared / "data" / "mlqa")
    counts = {x: len(list(source.read("dev", x))) for x in source.combinations("dev")}
    assert len(counts) == 49
    # Table 2 of Lewis et al. 2020, and some of its parallel questions.
    assert [counts[x] for x in ("ar", "de", "en", "es", "hi", "vi", "zh")] == [
        517, 512, 1148, 500, 507, 511, 504,
    ]  # fmt: skip
    assert counts["ar-de"] == counts["de-ar"] == 207 and counts["en-zh"] == counts["zh-en"] == 504
    languages = source.languages("dev")
    assert all(counts[f"{a}-{b}"] == counts[f"{b}-{a}"] for a in languages for b in languages
               if a != b)  # fmt: skip


def test_xquad_is_parallel(shared):
    source = opened("xquad", root=shared / "data" / "xquad")
    rows = {language: ids(source.read("test", language)) for language in source.languages("test")}
    assert len(rows) == 12 and all(x == rows["en"] for x in rows.values())
    assert len(rows["en"]) == 1_190


def test_training_files_of_several_data_sets(shared):
    data = shared / "data"
    files = ["squad/train.en.json", "squadshifts/*.json", "tydiqa/train.en.json"]
    source = opened(train_files=[str(data / file) for file in files])
    assert len(list(source.read("train", "en"))) == 8_463 + 7_938 + 3_696
