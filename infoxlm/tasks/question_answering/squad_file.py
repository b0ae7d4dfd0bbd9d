"""Files in SQuAD's form: articles, their paragraphs, and questions on each paragraph."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from infoxlm.data.example import shown
from infoxlm.data.text_encoding import START, check_encoding
from infoxlm.data.text_file import TextFile
from infoxlm.errors import UserError
from infoxlm.files.json_file import parse_json
from infoxlm.schema.checks import LARGEST
from infoxlm.schema.json_shapes import MisfitError, boolean, fields, items, optional, text, whole
from infoxlm.tasks.question_answering.questions import Answer, Question

#: Bytes of a file, which is parsed at once; SQuAD's train-v1.1.json has 30 MB.
MOST_BYTES = 1 << 29

_ANSWERS = items(
    fields({"text": text, "answer_start": whole(-LARGEST)}, required=("text", "answer_start"))
)
_QUESTION = fields(
    {"id": text, "question": text, "answers": optional(_ANSWERS), "is_impossible": boolean},
    required=("id", "question"),
)
_PARAGRAPH = fields({"context": text, "qas": items(_QUESTION)}, required=("context", "qas"))
_ARTICLE = fields(
    {"title": optional(text), "paragraphs": items(_PARAGRAPH)}, required=("paragraphs",)
)
_FILE = fields({"data": items(_ARTICLE)}, required=("data",))

#: What a file has to look like, for messages.
FORM = (
    '{"data": [{"paragraphs": [{"context": TEXT, "qas": [{"id": TEXT, "question": TEXT, '
    '"answers": [{"text": TEXT, "answer_start": CHARACTERS}]}]}]}]}'
)


class Entry(NamedTuple):
    """A question as it stands in a file.

    Attributes:
        question: The question; its row counts from the first of all files.
        file: The file.
        impossible: Whether the file says that its context does not answer it, as SQuAD 2.0 does.
    """

    question: Question
    file: Path
    impossible: bool

    def fault(self) -> str | None:
        """Tell what is wrong with the question; None where it is right."""
        _, asked, context, answers, *_ = self.question
        if not context.strip():
            return "its context is empty"
        if not asked.strip():
            return "it asks nothing"
        if self.impossible:
            return "it is_impossible, but has answers" if answers else None
        if not answers:
            return 'it has no answer, and no "is_impossible": true'
        return next(filter(None, (_misplaced(answer, context) for answer in answers)), None)


def read_entries(files: Sequence[Path]) -> Iterator[Entry]:
    """Go through the questions of files, one file after the other.

    Raises:
        UserError: A file cannot be read or is not in SQuAD's form.
    """
    row = 0
    for file in files:
        for article in _parsed(file)["data"]:
            title = article.get("title") or ""
            for paragraph in article["paragraphs"]:
                context = paragraph["context"]
                for found in paragraph["qas"]:
                    answers = tuple(
                        Answer(answer["text"], answer["answer_start"])
                        for answer in found.get("answers") or ()
                    )
                    question = Question(
                        found["id"], found["question"], context, answers, row, title
                    )
                    yield Entry(question, file, found.get("is_impossible", False))
                    row += 1


def _parsed(file: Path) -> dict[str, Any]:
    """Parse a file and check its form.

    Raises:
        UserError: It cannot be read, or has another form.
    """
    source = TextFile(file)
    if source.version()[0] > MOST_BYTES:
        raise UserError(f"{file} has more than {MOST_BYTES:,} bytes", "Cut it into several files.")
    content = b"".join(source.chunks())
    check_encoding(content[:START], str(file))
    try:
        value = parse_json(content.decode("utf-8-sig"))
        _FILE(value)
    except MisfitError as misfit:
        raise UserError(f"{file} is not in SQuAD's form: {misfit}", f"Give {FORM}.") from None
    except ValueError as error:
        raise UserError(
            f"{file} is not JSON: {error}", "Give a whole file in SQuAD's form."
        ) from error
    return value  # type: ignore[no-any-return]


def _misplaced(answer: Answer, context: str) -> str | None:
    """Tell how an answer differs from the context at its place."""
    if not answer.text.strip():
        return "it has an empty answer"
    there = context[answer.start : answer.start + len(answer.text)] if answer.start >= 0 else ""
    if there == answer.text:
        return None
    problem = f"its answer {shown(answer.text, 30)} is not at answer_start={answer.start}"
    if there:
        problem += f", where {shown(there, 30)} stands"
    before = context.rfind(answer.text, 0, max(answer.start, 0) + len(answer.text))
    behind = context.find(answer.text, max(answer.start, 0))
    found = [place for place in (before, behind) if place >= 0]
    if not found:
        return f"{problem}, nor elsewhere in the text"
    return f"{problem}, but at {min(found, key=lambda place: abs(place - answer.start))}"
