"""One labelled pair of sentences."""

from typing import NamedTuple


class Example(NamedTuple):
    """A premise and a hypothesis, or whatever two texts a data set compares.

    Attributes:
        premise: The first text; in XNLI the one that is taken as true.
        hypothesis: The second; in XNLI what follows from the first, contradicts it, or neither.
        label: Index into the labels of the data set.
        row: Row number in its language and split, 0 for the first; rows that are left out count.
            XNLI's and PAWS-X's dev and test sets hold the same pair at the same row of each
            language.
    """

    premise: str
    hypothesis: str
    label: int
    row: int


def shown(value: str, width: int = 60) -> str:
    """Quote a value for a message of one line, cut when it is long."""
    return repr(value if len(value) <= width else value[: width - 3] + "...")
