"""Questions of our own: where things are, in three languages, as SQuAD writes questions down."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

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


def squad(language: str, paragraphs: int, seed: int, sentences: int = 3) -> dict[str, Any]:
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
        content = squad(language, paragraphs, seed, **other)
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
