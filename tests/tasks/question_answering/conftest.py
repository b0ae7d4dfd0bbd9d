"""Questions of our own, as SQuAD writes them down, and answers as decoding would give them."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from infoxlm.tasks.question_answering.answers import Answers
from infoxlm.tasks.question_answering.decoding import Candidate
from infoxlm.tasks.question_answering.questions import Answer, Question

#: A context, two questions and the answer to the second in each language; 1893 is the first's.
CONTEXTS = {
    "en": "The bridge over the Elbe was built in 1893. Anna's uncle painted it blue.",
    "de": "Die Brücke über die Elbe wurde 1893 gebaut. Annas Onkel strich sie blau.",
    "th": "สะพานข้ามแม่น้ำเอลเบอ สร้างในปี 1893 ลุงของอันนา ทาสีฟ้า",
    "zh": "易北河上的桥建于1893年。安娜的叔叔把它漆成蓝色。",
}
QUESTIONS = {
    "en": ("When was the bridge built?", "Which color has it?"),
    "de": ("Wann wurde die Brücke gebaut?", "Welche Farbe hat sie?"),
    "th": ("สะพานสร้างเมื่อใด", "สะพานสีอะไร"),
    "zh": ("桥是什么时候建的?", "桥是什么颜色?"),
}
ANSWERS = {"en": "blue", "de": "blau", "th": "ฟ้า", "zh": "蓝色"}

#: Things, places, what says that a thing is at a place, and the question.
WORDS = {
    "en": (
        ("lamp", "cup", "box", "clock", "coat", "drum"),
        ("in the kitchen", "behind the barn", "under a chair", "on the roof", "at the station"),
        "The {} is {}.",
        "Where is the {}?",
    ),
    "de": (
        ("Lampe", "Tasse", "Kiste", "Uhr", "Jacke", "Trommel"),
        ("in der Küche", "hinter der Scheune", "unter einem Stuhl", "auf dem Dach", "am Bahnhof"),
        "Die {} ist {}.",
        "Wo ist die {}?",
    ),
    "zh": (
        ("灯", "杯子", "箱子", "钟", "外套", "鼓"),
        ("在厨房里", "在谷仓后面", "在椅子下面", "在屋顶上", "在车站"),
        "{}{}。",
        "{}在哪里?",
    ),
}


def things_and_places(
    language: str, paragraphs: int, seed: int, sentences: int = 3
) -> dict[str, Any]:
    """Paragraphs of some sentences with two questions each, the same ones in every language."""
    things, places, says, asks = WORDS[language]
    rng = np.random.default_rng(seed)
    found = []
    for number in range(paragraphs):
        which = rng.permutation(len(things))[:sentences]
        where = rng.integers(len(places), size=sentences)
        context, qas = "", []
        for order, (thing, place) in enumerate(zip(which, where, strict=True)):
            sentence = says.format(things[thing], places[place])
            start = len(context) + sentence.index(places[place])
            context += sentence + " "
            if order < 2:
                answer = {"text": places[place], "answer_start": start}
                question = asks.format(things[thing])
                qas.append({"id": f"{seed}-{number}-{order}", "question": question,
                            "answers": [answer]})  # fmt: skip
        found.append({"context": context.strip(), "qas": qas})
    return {"version": "1.1", "data": [{"title": "Things", "paragraphs": found}]}


@pytest.fixture(scope="session")
def write_questions() -> Callable[..., Path]:
    """Writes the questions of a language into a file."""

    def write(
        file: Path, language: str = "en", paragraphs: int = 8, seed: int = 1, **other: Any
    ) -> Path:
        file.parent.mkdir(parents=True, exist_ok=True)
        content = things_and_places(language, paragraphs, seed, **other)
        file.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        return file

    return write


@pytest.fixture(scope="session")
def question_folder(
    write_questions: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder with English training questions, and dev and test questions in three languages."""
    folder = tmp_path_factory.mktemp("questions")
    write_questions(folder / "train" / "en.json", paragraphs=20)
    for split, seed in (("dev", 2), ("test", 3)):
        for language in WORDS:
            write_questions(folder / split / f"{language}.json", language, seed=seed)
    return folder


def entry(name: str, asked: str, context: str, *texts: str, **more: Any) -> dict[str, Any]:
    """A question as it stands in a file, its answers at their first places."""
    answers = [{"text": text, "answer_start": context.find(text)} for text in texts]
    return {"id": name, "question": asked, "answers": answers, **more}


def squad(paragraphs: Mapping[str, Sequence[Mapping[str, Any]]], title: str = "") -> dict[str, Any]:
    """A file's contents: questions by context."""
    listed = [{"context": context, "qas": list(asked)} for context, asked in paragraphs.items()]
    return {"version": "1.1", "data": [{"title": title, "paragraphs": listed}]}


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes files of two questions, `write("dev/de.json", "de")`, or of given contents."""

    def write(name: str, language: str = "en", asked: str | None = None, **contents: Any) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        context = CONTEXTS[language]
        year, color = QUESTIONS[asked or language]
        qas = [
            entry("q1", year, context, "1893"),
            entry("q2", color, context, ANSWERS[language]),
        ]
        found = contents or squad({context: qas}, "Bridges")
        path.write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")
        return path

    return write


@pytest.fixture
def question():
    """A question on a context in which its gold answers are found."""

    def make(name, row, *golds, context="the red cat sat on the mat"):
        answers = tuple(Answer(gold, context.index(gold)) for gold in golds)
        return Question(name, "who?", context, answers, row)

    return make


@pytest.fixture
def answers():
    """Answers in a language: each a text of the context, or several, the best first.

    Their scores are 5, 4, 3 and so on.
    """

    def make(language, questions, texts, nulls=None, question_language=""):
        candidates = []
        for each, found in zip(questions, texts, strict=True):
            listed = [found] if isinstance(found, str) else found
            starts = [each.context.index(text) for text in listed]
            candidates.append(
                [
                    Candidate(start, start + len(text), 5.0 - place, 0)
                    for place, (start, text) in enumerate(zip(starts, listed, strict=True))
                ]
            )
        nulls = None if nulls is None else np.array(nulls, np.float64)
        return Answers(language, questions, candidates, nulls, question_language)

    return make
