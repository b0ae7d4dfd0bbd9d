"""Words for people about a classifier of pairs, by what its labels tell apart."""

from collections.abc import Sequence
from typing import NamedTuple


class Wording(NamedTuple):
    """The words for a model on the server's page and in its documentation.

    Attributes:
        question: The question that the model answers, as a heading.
        lead: The same in a sentence or two.
        first: The name of the first text.
        second: The name of the second text.
        input_text: A description of a pair.
        examples: The file of the page's examples.
    """

    question: str
    lead: str
    first: str
    second: str
    input_text: str
    examples: str


def wording(labels: Sequence[str]) -> Wording:
    """Find the words for a model's labels: of inference, of paraphrases, or of one's own."""
    any_case = [label.lower() for label in labels]
    if any(label.startswith("entail") for label in any_case):
        return _INFERENCE if "neutral" in any_case else _ENTAILMENT
    if any(label.startswith("paraphrase") for label in any_case):
        return _PARAPHRASES
    *others, last = labels or ("",)
    named = f"{', '.join(others)} or {last}" if others else last
    return Wording(
        "Which label?",
        f"Two texts in any language, or in two. The model gives the pair one label: {named}.",
        "First text",
        "Second text",
        "Two texts, the premise being the first and the hypothesis the second.",
        "examples.json",
    )


_INFERENCE = Wording(
    "Does it follow?",
    "Two texts in any language, or in two. If the premise is true, is the hypothesis true as "
    "well, false, or can one not tell?",
    "Premise",
    "Hypothesis",
    "A premise, and a hypothesis that follows from it, contradicts it, or neither.",
    "examples.json",
)
_ENTAILMENT = Wording(
    "Does it follow?",
    "Two texts in any language, or in two. If the premise is true, is the hypothesis true as well?",
    "Premise",
    "Hypothesis",
    "A premise, and a hypothesis that follows from it or does not.",
    "examples.json",
)
_PARAPHRASES = Wording(
    "Do they say the same?",
    "Two texts in any language, or in two. Does the second say what the first says, or something "
    "else in much the same words?",
    "First text",
    "Second text",
    "Two texts that say the same or not; the premise is the first, the hypothesis the second.",
    "paraphrases.json",
)
