"""The sections of a report that only question answering has."""

from collections.abc import Collection, Mapping
from typing import Any

from infoxlm.evaluate.metric import Metric
from infoxlm.evaluate.scores import Scores
from infoxlm.reporting.counts import counted
from infoxlm.reporting.sections import Section
from infoxlm.tasks.question_answering.null_threshold import ALL
from infoxlm.tasks.question_answering.published import MLQA_LANGUAGES, ROWS, TITLES
from infoxlm.tasks.question_answering.scores import EXACT_MATCH, F1

_METRICS = (F1, EXACT_MATCH)
MLQA_PAIRS = len(MLQA_LANGUAGES) ** 2
_GENERALISED = ", MLQA's generalised cross-lingual transfer"


def report_sections(results: Mapping[str, Any], split: str) -> list[Section]:
    """Published averages, pairs of languages and questions without an answer, as far as there are.

    Args:
        results: What results.json holds.
        split: The split that is reported.
    """
    scores = Scores.from_dict(results[split])
    if any(metric.name not in scores.values for metric in _METRICS):
        return []
    combinations = scores.details.get("combinations")
    nulls = scores.details.get("null_answers")
    return [
        *_published(results, scores, split),
        *([_matrix(combinations, metric, split) for metric in _METRICS] if combinations else ()),
        *([_answerable(nulls), _thresholds(nulls)] if nulls else ()),
    ]


def _published(results: Mapping[str, Any], scores: Scores, split: str) -> list[Section]:
    """The run's averages next to all that were published of its data set."""
    rows = ROWS.get(results["data"], {})
    languages = next((row.languages for row in rows.values()), ())
    if not rows or not set(languages) <= set(scores.languages):
        return []
    ours = [metric.shown(scores.average_of(metric, languages)) for metric in _METRICS]
    cells = [
        (row.name, f"{row.average:.1f}", f"{row.secondary[EXACT_MATCH.name]:.1f}")
        for row in rows.values()
    ]
    sources = " ".join(dict.fromkeys(row.source for row in rows.values()))
    return [
        Section(
            f"Published averages of {TITLES[results['data']]}",
            ("model", F1.title, EXACT_MATCH.title),
            [*cells, (f"{results['model']}, {split}", *ours)],
            f"Percent, over {' '.join(languages)}; fine-tuned on English. Source: {sources}.",
            summaries=1,
            numbers=True,
        )
    ]


def _matrix(combinations: Mapping[str, Any], metric: Metric, split: str) -> Section:
    """A metric by the language of the context and that of the question."""
    pairs = {_pair(name): value for name, value in combinations[metric.name].items()}
    contexts = list(dict.fromkeys(context for context, _ in pairs))
    questions = list(dict.fromkeys(question for _, question in pairs))
    rows = [
        (context, *(metric.shown(pairs.get((context, question))) for question in questions))
        for context in contexts
    ]
    title = metric.title[0].upper() + metric.title[1:]
    counts = combinations["examples"].values()
    low, high = combinations["average_interval"][metric.name]
    return Section(
        f"{title} by languages of context and question ({split})",
        ("context \\ question", *questions),
        rows,
        f"Percent. Average over the {len(pairs)} pairs"
        f"{_GENERALISED if len(pairs) == MLQA_PAIRS else ''}: "
        f"{metric.shown(combinations['average'][metric.name])}, 95 % interval "
        f"{metric.shown(low)} to {metric.shown(high)}; {_range(counts)} a pair.",
        numbers=True,
    )


def _range(counts: Collection[int]) -> str:
    """The least and the most questions: ``504 to 1,190 questions``, or ``20 questions``."""
    least, most = min(counts), max(counts)
    return f"{least:,} to {most:,} questions" if least < most else counted(most, "question")


def _pair(name: str) -> tuple[str, str]:
    """The languages of context and question; one alone is both."""
    context, _, question = name.partition("-")
    return context, question or context


def _names(nulls: Mapping[str, Any]) -> list[str]:
    """The languages; where there are several, what they amount to before them."""
    names = list(nulls["best_threshold"][F1.name])
    return names if len(names) > 2 else [name for name in names if name != ALL]


def _answerable(nulls: Mapping[str, Any]) -> Section:
    """Scores of questions with and without an answer."""
    rows = [
        (
            name,
            kind,
            f"{nulls[kind]['examples'][name]:,}",
            *(metric.shown(nulls[kind][metric.name][name]) for metric in _METRICS),
        )
        for name in _names(nulls)
        for kind in ("answerable", "unanswerable")
        if name in nulls[kind]["examples"]
    ]
    return Section(
        "Questions with and without an answer",
        ("language", "questions", "examples", F1.title, EXACT_MATCH.title),
        rows,
        f'Percent. "No answer" is given where its score is more than {nulls["threshold"]:g} above '
        "that of the best answer.",
        numbers=True,
    )


def _thresholds(nulls: Mapping[str, Any]) -> Section:
    """The best thresholds, which these very questions chose."""
    rows = [
        (
            name,
            *(
                cell
                for metric in _METRICS
                for cell in (
                    metric.shown(nulls["best_threshold"][metric.name][name]["value"]),
                    f"{nulls['best_threshold'][metric.name][name]['threshold']:.3f}",
                )
            ),
        )
        for name in _names(nulls)
    ]
    return Section(
        'Best thresholds of "no answer"',
        ("language", f"best {F1.title}", "at", f"best {EXACT_MATCH.title}", "at"),
        rows,
        "Chosen by the very questions that are scored. A model takes another one from "
        "question_answering.null_threshold in its config.json; then delete the manifest.json next "
        "to it, which holds the checksum of the file as it was.",
        numbers=True,
    )
