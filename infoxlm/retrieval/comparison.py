"""A retrieval run next to the published row: the text of its report, for any medium."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from infoxlm.evaluate.metric import ACCURACY
from infoxlm.reporting.sections import Section
from infoxlm.retrieval.published import (
    PUBLISHED_LAYER,
    PUBLISHED_SETTINGS,
    TATOEBA,
    TATOEBA_AVERAGE,
    TATOEBA_MODEL,
    TATOEBA_PAIRS,
    TATOEBA_SOURCE,
)
from infoxlm.retrieval.scores import DIRECTIONS


class Line(NamedTuple):
    """A language, or the average of all; shares are fractions, one of each direction.

    Attributes:
        name: Language code, or "average".
        pairs: Pairs of sentences.
        scores: The run's scores.
        published: The scores published for InfoXLM base; None where none were.
        intervals: The 95 % intervals of `scores`; None for the average.
    """

    name: str
    pairs: int
    scores: tuple[float, float]
    published: tuple[float, float] | None
    intervals: tuple[Sequence[float], Sequence[float]] | None = None


def lines(results: Mapping[str, Any]) -> list[Line]:
    """The best layer's scores: a line a language, then the average.

    Args:
        results: With `pairs`, `best_layer` and `layers` as `RetrievalScores.as_dict` gives them.
    """
    pairs = results["pairs"]
    shown = [results["layers"][str(results["best_layer"])][direction] for direction in DIRECTIONS]
    found = [
        Line(
            language,
            pairs[language],
            (shown[0]["accuracy"][language], shown[1]["accuracy"][language]),
            TATOEBA.get(language),
            (shown[0]["interval"][language], shown[1]["interval"][language]),
        )
        for language in pairs
    ]
    average = shown[0]["average"], shown[1]["average"]
    return [*found, Line("average", sum(pairs.values()), average, published_average(pairs))]


def published_average(languages: Collection[str]) -> tuple[float, float] | None:
    """The published average over some languages; None where one of them was not published."""
    if set(languages) == set(TATOEBA):
        return TATOEBA_AVERAGE
    known = [TATOEBA[language] for language in languages if language in TATOEBA]
    if len(known) < len(languages):
        return None
    there, back = zip(*known, strict=True)
    return sum(there) / len(known), sum(back) / len(known)


def caveats(results: Mapping[str, Any]) -> list[str]:
    """Sentences on what keeps the run from being comparable with the published row."""
    found, settings, pairs = [], results["settings"], results["pairs"]
    if results["model"] != TATOEBA_MODEL:
        found.append(f"{results['model']} is another model than {TATOEBA_MODEL}.")
    if results["best_layer"] != PUBLISHED_LAYER:
        found.append(f"The paper's figures are of block {PUBLISHED_LAYER}.")
    if len(results["layers"]) > 1:
        found.append(
            f"Block {results['best_layer']} has the highest average of the "
            f"{len(results['layers'])} computed, on these very sentences."
        )
    found += [
        f"Run with {key}={settings[key]!r}, the paper's figures with {published!r}."
        for key, published in PUBLISHED_SETTINGS.items()
        if settings[key] != published
    ]
    known = [language for language in pairs if language in TATOEBA]
    if unknown := [language for language in pairs if language not in TATOEBA]:
        found.append(f"Nothing was published for {' '.join(unknown)}, nor for an average of these.")
    if any(pairs[language] < TATOEBA_PAIRS[language] for language in known):
        found.append(
            f"Among {max(pairs.values()):,} pairs a language at most, which is easier than among "
            f"all {max(TATOEBA_PAIRS.values()):,}."
        )
    if len(pairs) < len(TATOEBA) and len(known) == len(pairs):
        found.append(f"Averages are over {' '.join(pairs)} alone, the paper's as well.")
    return found


def title(results: Mapping[str, Any]) -> str:
    """Heading that names the run."""
    return (
        f"{results['experiment']}: {results['model']} on {results['data']}, "
        f"block {results['best_layer']}"
    )


def headline(results: Mapping[str, Any]) -> str:
    """The result in one sentence."""
    *languages, average = lines(results)
    there, back = map(ACCURACY.shown, average.scores)
    of = f"average of {len(languages)} languages" if len(languages) > 1 else languages[0].name
    return (
        f"{there} % of English sentences found their translation, {back} % the other way "
        f"({of}, block {results['best_layer']})"
    )


def source() -> str:
    """Source of the published figures."""
    return (
        "Accuracy at 1 in percent, English to the language and back. Paper: InfoXLM base, block "
        f"{PUBLISHED_LAYER}, mean of all tokens, cosine; source: {TATOEBA_SOURCE}, whose own run "
        "is said to equal the paper's table."
    )


def score_section(results: Mapping[str, Any]) -> Section:
    """A row a language and one for the average."""
    header = ["language", "pairs"]
    for direction in ("en→xx", "xx→en"):
        header += [direction, "paper", "diff."]
    rows: list[Sequence[str]] = [
        [
            line.name,
            f"{line.pairs:,}",
            *(
                cell
                for score, published in zip(line.scores, line.published or (None,) * 2, strict=True)
                for cell in (
                    ACCURACY.shown(score),
                    ACCURACY.shown(published),
                    ACCURACY.shown(None if published is None else score - published, signed=True),
                )
            ),
        ]
        for line in lines(results)
    ]
    return Section(
        title(results), header, rows, source(), summaries=1, numbers=True, caveats=caveats(results)
    )


def layer_section(results: Mapping[str, Any]) -> Section:
    """A row a layer: the averages over the languages."""
    rows: list[Sequence[str]] = [
        [
            f"{layer} (embeddings)" if layer == "0" else layer,
            *(ACCURACY.shown(scores[direction]["average"]) for direction in DIRECTIONS),
        ]
        for layer, scores in results["layers"].items()
    ]
    return Section("Average by block", ["block", "en→xx", "xx→en"], rows, numbers=True)


def run_facts(results: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Facts about the run beyond its scores, as name and value."""
    work = results["retrieve"]
    encoded, seconds = work["encoded"], work["encoding_seconds"]
    facts = [
        ("time", f"{work['seconds']:,.1f} s"),
        ("sentences", f"{work['sentences']:,}"),
        ("from the cache", f"{work['sentences'] - encoded:,}"),
    ]
    if encoded:
        facts.append(("encoding speed", f"{encoded / seconds:,.0f} sentences/s"))
    return facts
