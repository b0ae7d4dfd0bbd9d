"""What a run's scores may be compared with, and what stands against doing so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from infoxlm.constants import LANGUAGES
from infoxlm.evaluate.paper import XNLI_EXAMPLES, PaperRow, reference_row


class Line(NamedTuple):
    """A line of the score table: a language, or a figure over several. All shares are fractions.

    Attributes:
        name: Language code, "average", "others" (all but English) or "gap".
        score: The run's figure on the split that is reported.
        reference: The published figure.
        interval: The 95 % interval of `score`.
        examples: How many examples `score` was measured on.
        dev: The run's figure on dev, when the split that is reported is test.
    """

    name: str
    score: float
    reference: float
    interval: Sequence[float] | None = None
    examples: int | None = None
    dev: float | None = None


@dataclass(frozen=True)
class Comparison:
    """A run beside a published row.

    Attributes:
        split: "test", or "dev" when the run has no test scores.
        lines: One line a language in the order of LANGUAGES, then average, others and gap.
        reference: The published row.
        comparable: Whether that row is of the run's model, training setting and data.
        caveats: Sentences on what makes the two not directly comparable.
    """

    split: str
    lines: tuple[Line, ...]
    reference: PaperRow
    comparable: bool
    caveats: tuple[str, ...]

    @property
    def languages(self) -> tuple[Line, ...]:
        """The lines of the languages."""
        return tuple(line for line in self.lines if line.name in LANGUAGES)

    @property
    def average(self) -> Line:
        """The line of the average over languages."""
        return next(line for line in self.lines if line.name == "average")

    @property
    def others(self) -> Line | None:
        """The line of all languages but English, when there are both."""
        return next((line for line in self.lines if line.name == "others"), None)


def compare_with_paper(results: Mapping[str, Any]) -> Comparison:
    """Lay a run's scores beside the published row that fits best.

    Args:
        results: A results dict with `test` or `dev` as `SplitScores.as_dict` gives them, and
            the names `model` and `data`.
    """
    split = "test" if results.get("test") else "dev"
    scores = results.get(split)
    if not scores:
        raise ValueError("the results hold neither test nor dev scores")
    other = (results.get("dev") if split == "test" else None) or {"accuracy": {}}
    reference, same_model = reference_row(results["model"], results["data"])
    # Over fewer languages the published averages would be of something else: recompute them.
    published = _over_languages(reference, tuple(scores["accuracy"]))

    lines = [
        Line(
            language,
            accuracy,
            reference.accuracy[language] / 100,
            scores["interval"][language],
            scores["examples"][language],
            other["accuracy"].get(language),
        )
        for language, accuracy in scores["accuracy"].items()
    ]
    lines.append(
        Line(
            "average",
            scores["average"],
            published.average / 100,
            scores.get("average_interval"),
            sum(scores["examples"].values()),
            other.get("average"),
        )
    )
    if scores.get("others") is not None:
        # The published gap is English minus the others.
        others = (published.accuracy["en"] - published.gap) / 100
        interval = scores["others_interval"]
        lines.append(Line("others", scores["others"], others, interval, dev=other.get("others")))
    if scores["gap"] is not None:
        lines.append(Line("gap", scores["gap"], published.gap / 100, dev=other.get("gap")))
    caveats = _caveats(results, split, reference, same_model)
    return Comparison(split, tuple(lines), reference, same_model and _is_xnli(results), caveats)


def _is_xnli(results: Mapping[str, Any]) -> bool:
    return results["data"] in ("xnli", "translate_train")


def _over_languages(row: PaperRow, languages: Sequence[str]) -> PaperRow:
    if len(languages) == len(LANGUAGES):
        return row
    accuracy = {language: row.accuracy[language] for language in languages}
    return PaperRow(row.name, accuracy, sum(accuracy.values()) / len(accuracy), row.source)


def _caveats(
    results: Mapping[str, Any], split: str, reference: PaperRow, same_model: bool
) -> tuple[str, ...]:
    examples = results[split]["examples"]
    most = max(examples.values())
    found = []
    if not same_model:
        found.append(
            f"{results['model']} is another model: not comparable one to one with {reference.name}."
        )
    if not _is_xnli(results):
        found.append(f"{results['data']} is other data than XNLI, which the paper used.")
    elif most < XNLI_EXAMPLES[split]:
        found.append(f"Scored on {most:,} of the {XNLI_EXAMPLES[split]:,} rows a language.")
    if split == "dev":
        found.append("These are dev scores; the paper's are test scores.")
    if len(examples) < len(LANGUAGES):
        found.append(
            f"Average and gap are over the {len(examples)} languages scored, the paper's as well."
        )
    return tuple(found)
