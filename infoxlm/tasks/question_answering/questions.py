"""One question on a text, and its answers."""

from typing import NamedTuple


class Answer(NamedTuple):
    """A piece of a context.

    Attributes:
        text: What it says.
        start: Where it begins in the context, in characters.
    """

    text: str
    start: int


class Question(NamedTuple):
    """A question and the text that it is answered from.

    Attributes:
        id: Its name, the same in every language of a parallel data set.
        question: What is asked.
        context: The text, shared by its questions.
        answers: What counts as right; none where the context does not answer it.
        row: Number of the question in its files, 0 for the first; questions that are left out
            count.
        title: The article that the context is from; empty where the file names none.
    """

    id: str
    question: str
    context: str
    answers: tuple[Answer, ...]
    row: int
    title: str = ""
