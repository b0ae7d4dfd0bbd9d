"""One labelled pair of sentences, and the words that label it."""

from typing import NamedTuple

from infoxlm.constants import LABELS
from infoxlm.errors import UserError

#: MultiNLI and XNLI write this where the annotators did not agree.
NO_GOLD_LABEL = "-"

#: XNLI-MT's training files and XTREME's translations write the adjective.
_LABEL_IDS = {label: id for id, label in enumerate(LABELS)} | {
    "contradictory": LABELS.index("contradiction")
}


class Example(NamedTuple):
    """A premise and a hypothesis.

    Attributes:
        premise: The text that is taken as true.
        hypothesis: The text that follows from it, contradicts it, or neither.
        label: Index into `LABELS`.
        row: Row number in its language and split, 0 for the first; rows without a gold label
            count. XNLI's dev and test sets hold the same pair at the same row of each language.
    """

    premise: str
    hypothesis: str
    label: int
    row: int


def label_id(label: str, where: str) -> int | None:
    """Return the index of a label's word in `LABELS`; None for a row without a gold label.

    Args:
        label: The word as the file has it.
        where: File and line, for the message.

    Raises:
        UserError: Not one of the words. Numbers are refused because projects differ in what they
            mean: 0 is entailment in facebook/xnli and contradiction in XTREME.
    """
    word = label.strip()
    if word == NO_GOLD_LABEL:
        return None
    if word in _LABEL_IDS:
        return _LABEL_IDS[word]
    reason = "a number means other labels in other projects" if word.isdecimal() else "unknown"
    raise UserError(
        f"{where}: label {shown(word)} is refused, {reason}",
        f"Write {', '.join(LABELS[:-1])} or {LABELS[-1]} ('-' for no gold label).",
    )


def shown(value: str, width: int = 60) -> str:
    """Quote a value for a message of one line, cut when it is long."""
    return repr(value if len(value) <= width else value[: width - 3] + "...")
