"""A run's scores next to a published row of its task, and what stands against comparing them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from infoxlm.evaluate.scores import ENGLISH, Metric, Scores


@dataclass(frozen=True)
class Published:
    """A published row of scores, in percent where the metric has percent.

    Attributes:
        name: The row's name in a table or a legend.
        values: The figures by language, as published; empty where only the average was.
        average: The average over `languages`, as published; None where it was not.
        source: The publication that the row was copied from.
        comparable: Whether it is of the run's model, training setting and data.
        caveats: Sentences on what makes the two not directly comparable.
        languages: The languages of `average`; empty: those of `values`.
        secondary: Averages of other metrics over the same languages, by the metric's name.
    """

    name: str
    values: Mapping[str, float]
    average: float | None
    source: str
    comparable: bool = True
    caveats: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    secondary: Mapping[str, float] = field(default_factory=dict)

    @property
    def averaged(self) -> tuple[str, ...]:
        """The languages that `average` is over."""
        return self.languages or tuple(self.values)

    def average_over(self, languages: Sequence[str]) -> float | None:
        """The average over some languages; None where it is not known of all of them.

        Over fewer languages than were published the average is another one, so that it is made
        again of their figures.
        """
        if set(languages) == set(self.averaged):
            return self.average
        if not languages or not set(languages) <= self.values.keys():
            return None
        return sum(self.values[language] for language in languages) / len(languages)

    def non_english_average(self, languages: Sequence[str]) -> float | None:
        """The same over those but English."""
        others = [language for language in languages if language != ENGLISH]
        if not others or not set(others) <= self.values.keys():
            return None
        return sum(self.values[language] for language in others) / len(others)


class Line(NamedTuple):
    """A line of the score table: a language, or a figure over several, in the unit of the metric.

    Attributes:
        name: Language code, "average", "without ro" (the average over what was published),
            "others" (all but English) or "gap".
        score: The run's figure on the split that is reported.
        published: The published figure; None where there is none.
        interval: The 95 % interval of `score`.
        examples: The number of examples that `score` was measured on.
        dev: The run's figure on dev, when the split that is reported is test.
        secondary: The run's figures of the other metrics by name, where there are any.
        published_secondary: The published ones.
    """

    name: str
    score: float
    published: float | None = None
    interval: Sequence[float] | None = None
    examples: int | None = None
    dev: float | None = None
    secondary: Mapping[str, float] = MappingProxyType({})
    published_secondary: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True)
class Comparison:
    """A run next to a published row, where there is one.

    Attributes:
        split: "test", or "dev" when the run has no test scores.
        scores: The run's scores there.
        languages: A line a language, in the order of the scores.
        average: The line of the average over the languages.
        shared: That over the languages of the published average, where more were scored.
        others: The line of all languages but English, when there are both.
        gap: English minus the others, when there are both.
        published: The published row.
    """

    split: str
    scores: Scores
    languages: tuple[Line, ...]
    average: Line
    shared: Line | None = None
    others: Line | None = None
    gap: Line | None = None
    published: Published | None = None

    @property
    def metric(self) -> Metric:
        """The metric of the lines' figures."""
        return self.scores.main

    @property
    def summaries(self) -> tuple[Line, ...]:
        """The lines over several languages."""
        return tuple(x for x in (self.average, self.shared, self.others, self.gap) if x is not None)

    @property
    def caveats(self) -> tuple[str, ...]:
        """Sentences on what makes run and row not directly comparable."""
        return self.published.caveats if self.published else ()


def reported_split(results: Mapping[str, Any]) -> str | None:
    """The split that a report is of: "test", else "dev"; None where nothing was scored."""
    return next((split for split in ("test", "dev") if results.get(split)), None)


def compare_with_published(
    results: Mapping[str, Any], published: Published | None = None
) -> Comparison:
    """Lay a run's scores next to a published row.

    Args:
        results: A results dict with `test` or `dev` as `Scores.as_dict` gives them.
        published: The row; None where there is none.

    Raises:
        ValueError: Nothing was scored.
    """
    split = reported_split(results)
    if split is None:
        raise ValueError("the results hold neither test nor dev scores")
    scores = Scores.from_dict(results[split])
    other = results.get("dev") if split == "test" else None
    dev = Scores.from_dict(other) if other else _NO_SCORES
    row, names, scale = published or _NO_ROW, scores.languages, scores.main.scale

    def fraction(figure: float | None) -> float | None:
        return None if figure is None else figure / scale

    languages = tuple(
        Line(
            language,
            value,
            fraction(row.values.get(language)),
            scores.intervals.get(language),
            scores.examples.get(language),
            dev.main_values.get(language),
            {metric.name: scores.values[metric.name][language] for metric in scores.secondary},
        )
        for language, value in scores.main_values.items()
    )

    # Dev may be of English alone; its mean over other languages would say nothing next to these.
    dev = dev if dev.main_values.keys() == scores.main_values.keys() else _NO_SCORES
    average = _average(scores, row, names, "average")._replace(
        interval=scores.average_interval, dev=dev.average
    )
    shared = None
    if set(row.averaged) < set(names) and row.average is not None:
        more = [language for language in names if language not in row.averaged]
        name = f"without {' '.join(more)}"
        shared = _average(scores, row, [x for x in names if x not in more], name)
    if scores.non_english_average is None or scores.transfer_gap is None:
        return Comparison(split, scores, languages, average, shared, published=published)
    others, english = row.non_english_average(names), row.values.get(ENGLISH)
    published_gap = None if others is None or english is None else english - others
    others_line = Line(
        "others",
        scores.non_english_average,
        fraction(others),
        scores.non_english_average_interval,
        dev=dev.non_english_average,
    )
    gap = Line("gap", scores.transfer_gap, fraction(published_gap), dev=dev.transfer_gap)
    return Comparison(split, scores, languages, average, shared, others_line, gap, published)


def _average(scores: Scores, row: Published, languages: Sequence[str], name: str) -> Line:
    """The line of an average over some languages, without what is known of few such averages."""
    published = row.average_over(languages)
    secondary = row.secondary if set(languages) == set(row.averaged) else {}
    return Line(
        name,
        scores.average_of(scores.main, languages),
        None if published is None else published / scores.main.scale,
        examples=sum(scores.examples[x] for x in languages) if scores.examples else None,
        secondary={x.name: scores.average_of(x, languages) for x in scores.secondary},
        published_secondary={
            x.name: secondary[x.name] / x.scale for x in scores.secondary if x.name in secondary
        },
    )


@dataclass(frozen=True)
class _NoScores:
    """Stands for scores where there are none."""

    main_values: Mapping[str, float] = field(default_factory=dict)
    average: float | None = None
    non_english_average: float | None = None
    transfer_gap: float | None = None


_NO_SCORES = _NoScores()
_NO_ROW = Published("", {}, None, "")
