"""A metric: what is measured of a prediction, and how its values are shown."""

from typing import NamedTuple

#: Names that are not words.
_TITLES = {"f1": "F1"}


class Metric(NamedTuple):
    """A metric: what predictions are scored by.

    Attributes:
        name: Its name in files and tags, such as "accuracy" or "exact_match".
        percent: Whether its values are shares, which readers see in percent.
        higher_is_better: Whether more of it is better.
    """

    name: str
    percent: bool = True
    higher_is_better: bool = True

    @property
    def title(self) -> str:
        """Its name for readers."""
        return _TITLES.get(self.name, self.name.replace("_", " "))

    @property
    def unit(self) -> str:
        """An axis's label, such as "accuracy in percent"."""
        return f"{self.title} in percent" if self.percent else self.title

    @property
    def scale(self) -> float:
        """The factor that its values are multiplied by to be shown."""
        return 100.0 if self.percent else 1.0

    def shown(self, value: float | None, signed: bool = False, digits: int = 1) -> str:
        """A value, or a difference of two, as tables show it; empty for None.

        Args:
            value: The value; a share where the metric has percent.
            signed: Whether a plus sign is shown too.
            digits: Digits behind the point of percent; other metrics have two more.
        """
        if value is None:
            return ""
        digits += 0 if self.percent else 2
        rounded = round(self.scale * value, digits) + 0.0  # minus zero plus zero is zero
        return f"{rounded:{'+' if signed else ''}.{digits}f}".replace("-", "−")

    def with_unit(self, value: float, digits: int = 1) -> str:
        """A value in a sentence: "61.2 %" or "0.612"."""
        return self.shown(value, digits=digits) + (" %" if self.percent else "")

    def is_better(self, one: float, other: float) -> bool:
        """Tell whether one value is better than another."""
        return one > other if self.higher_is_better else one < other


#: The metric of scores that do not name theirs: versions before had no other.
ACCURACY = Metric("accuracy")
