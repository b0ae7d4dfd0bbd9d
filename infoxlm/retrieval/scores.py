"""Accuracy of finding translations: by layer, direction and language."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from infoxlm.evaluate.intervals import wilson_interval

#: English sentences looking for their translation, and translations for their English sentence.
DIRECTIONS = ("en_to_xx", "xx_to_en")


@dataclass
class RetrievalScores:
    """Counts, taken in one by one; every share made of them is a fraction.

    Attributes:
        pairs: Number of pairs by language.
        correct: Sentences found, by layer, direction and language.
    """

    pairs: dict[str, int] = field(default_factory=dict)
    correct: dict[int, dict[str, dict[str, int]]] = field(default_factory=dict)

    def add(self, layer: int, language: str, pairs: int, correct: Mapping[str, int]) -> None:
        """Take in the counts of one layer and language, by direction."""
        self.pairs[language] = pairs
        by_direction = self.correct.setdefault(layer, {direction: {} for direction in DIRECTIONS})
        for direction in DIRECTIONS:
            by_direction[direction][language] = correct[direction]

    def accuracy(self, layer: int, direction: str) -> dict[str, float]:
        """Accuracy at 1 by language."""
        counts = self.correct[layer][direction]
        return {language: counts[language] / self.pairs[language] for language in self.pairs}

    def average(self, layer: int, direction: str) -> float:
        """The mean over the languages, each counting the same."""
        accuracy = self.accuracy(layer, direction)
        return sum(accuracy.values()) / len(accuracy)

    @property
    def best_layer(self) -> int:
        """The layer with the highest average over both directions; of equal ones the first."""
        return max(
            sorted(self.correct),
            key=lambda layer: sum(self.average(layer, direction) for direction in DIRECTIONS),
        )

    def tags(self, layer: int) -> dict[str, float]:
        """A layer's scores by VisualDL tag."""
        return {
            f"tatoeba/{direction}/{language}": share
            for direction in DIRECTIONS
            for language, share in (
                *self.accuracy(layer, direction).items(),
                ("average", self.average(layer, direction)),
            )
        }

    def as_dict(self) -> dict[str, Any]:
        """The scores for results.json: `pairs`, `best_layer` and `layers`, by number."""
        return {
            "pairs": self.pairs,
            "best_layer": self.best_layer,
            "layers": {
                str(layer): {direction: self._described(layer, direction) for direction in counts}
                for layer, counts in sorted(self.correct.items())
            },
        }

    def _described(self, layer: int, direction: str) -> dict[str, Any]:
        counts = self.correct[layer][direction]
        return {
            "accuracy": self.accuracy(layer, direction),
            "average": self.average(layer, direction),
            "interval": {x: list(wilson_interval(counts[x], self.pairs[x])) for x in self.pairs},
        }
