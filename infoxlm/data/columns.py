"""Names of the columns of a table, or of the keys of a JSON object."""

from collections.abc import Iterable

#: The project's own name first, then XNLI-MT's, XNLI's and PAWS-X's, ANLI's, and one for any pair.
PREMISE = ("premise", "sentence1", "context", "text1")
HYPOTHESIS = ("hypothesis", "hypo", "sentence2", "text2")
LABEL = ("label", "gold_label")
LANGUAGE = ("language",)


def find_column(names: Iterable[str], choices: Iterable[str]) -> int | None:
    """Find a column by any of its names, the usual one first; capital letters do not matter."""
    present = [name.strip().lower() for name in names]
    return next((present.index(name) for name in choices if name in present), None)
