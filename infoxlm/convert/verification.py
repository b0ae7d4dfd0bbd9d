"""Differences between the outputs of two frameworks, and their tolerances."""

from dataclasses import dataclass

MAX_TOLERANCE = 1e-4
MEAN_TOLERANCE = 1e-5


@dataclass(frozen=True)
class Difference:
    """The absolute difference of one output, over all its numbers.

    Attributes:
        output: Which output.
        maximum: The largest.
        mean: The mean.
    """

    output: str
    maximum: float
    mean: float


@dataclass(frozen=True)
class Verification:
    """The outcome of running both frameworks.

    Attributes:
        sentences: How many sentences were encoded.
        tokens: How many tokens they have; padding is not compared.
        differences: One of every hidden state, and one of the logits when there is a head.
    """

    sentences: int
    tokens: int
    differences: tuple[Difference, ...]

    @property
    def maximum(self) -> float:
        """The largest difference of any output."""
        return max(difference.maximum for difference in self.differences)

    @property
    def mean(self) -> float:
        """The mean difference of the worst output."""
        return max(difference.mean for difference in self.differences)

    @property
    def passed(self) -> bool:
        """Whether both are within float32's rounding."""
        return self.maximum < MAX_TOLERANCE and self.mean < MEAN_TOLERANCE

    @property
    def verdict(self) -> str:
        """One sentence for people."""
        return (
            f"{'equal' if self.passed else 'DIFFERENT'}: largest difference {self.maximum:.1e} "
            f"(allowed {MAX_TOLERANCE:.0e}), mean {self.mean:.1e} (allowed {MEAN_TOLERANCE:.0e})"
        )

    def markdown(self) -> str:
        """A section for ``conversion.md``."""
        lines = [
            "## Verification",
            "",
            f"PyTorch and Paddle in float32 on {self.sentences} sentences in 15 languages, "
            f"{self.tokens} tokens. Verdict: {self.verdict}.",
            "",
            "| output | largest difference | mean difference |",
            "|---|---|---|",
        ]
        lines += [f"| {d.output} | {d.maximum:.2e} | {d.mean:.2e} |" for d in self.differences]
        return "\n".join(lines) + "\n"
