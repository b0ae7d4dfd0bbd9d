"""One labelled pair of sentences, and the words that label it."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from infoxlm.constants import LABELS
from infoxlm.errors import UserError

#: MultiNLI and XNLI write this where the annotators did not agree.
NO_GOLD_LABEL = "-"

#: XNLI-MT's training files and XTREME's translations write the adjective, ANLI one letter.
_LABEL_IDS = {label: id for id, label in enumerate(LABELS)} | {
    "contradictory": LABELS.index("contradiction"),
    **{label[0]: id for id, label in enumerate(LABELS)},
}

#: `datasets` and the files that it exports have this number for a row without a gold label.
NO_GOLD_NUMBER = -1

#: A number of a label; pandas writes 2.0 when a column has gaps.
_NUMBER = re.compile(r"[0-9]{1,9}(\.0)?")


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


def label_id(label: str | int, where: str, names: Sequence[str] = ()) -> int | None:
    """Return the index of a label in `LABELS`; None for a row without a gold label.

    Args:
        label: The word or the number as the file has it.
        where: File and line, for the message.
        names: What the numbers 0, 1, 2 stand for (`data.labels`); without names they are refused,
            because projects differ in what they mean: 0 is entailment in facebook/xnli and
            contradiction in XTREME.

    Raises:
        UserError: It is neither one of the words nor one of the numbers.
    """
    word = str(label).strip()
    if word in (NO_GOLD_LABEL, str(NO_GOLD_NUMBER)):
        return None
    if word in _LABEL_IDS:
        return _LABEL_IDS[word]
    problem = f"{where}: label {shown(word)} is refused"
    if not _NUMBER.fullmatch(word):
        raise UserError(
            f"{problem}, unknown",
            f"Write {', '.join(LABELS[:-1])} or {LABELS[-1]} ('-' for no gold label).",
        )
    number = int(word.partition(".")[0])
    if not names:
        raise UserError(
            f"{problem}, a number means other labels in other projects",
            f"Say what 0, 1, 2 mean here, in their order: data.labels=[{','.join(LABELS)}], or "
            "write the words.",
        )
    if number >= len(names):
        raise UserError(
            f"{problem}, there is no such number in data.labels=[{','.join(names)}]",
            "Name the labels of 0, 1, 2 in their order, or mend the file.",
        )
    return label_id(names[number].lower(), where)


def is_label(word: object) -> bool:
    """Whether a word names one of `LABELS`."""
    return isinstance(word, str) and word.lower() in _LABEL_IDS


def shown(value: str, width: int = 60) -> str:
    """Quote a value for a message of one line, cut when it is long."""
    return repr(value if len(value) <= width else value[: width - 3] + "...")
