"""Small files in SQuAD's form."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

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
