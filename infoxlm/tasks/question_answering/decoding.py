"""The best answers to each question, out of the model's scores of starts and ends.

They are found as transformers' run_qa (`postprocess_qa_predictions`) finds them: an answer begins
at one of the n best starts of a window, ends at one of its n best ends, and scores the sum of the
two. Three things differ on purpose. Only tokens of the context are among the n best, so that high
scores in the question cost no candidate; characters that two windows both find are one candidate;
and where no start of the n best lies before an end, all tokens of the context are tried.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

#: Pairs of a start and an end that are in memory at a time.
PAIRS = 1 << 20

_CANDIDATE = np.dtype(
    [("start", np.int64), ("end", np.int64), ("score", np.float64), ("window", np.int64)]
)


class Candidate(NamedTuple):
    """A piece of the context that may be the answer.

    Attributes:
        start: Its first character in the context.
        end: The character behind its last.
        score: The logit of its start and that of its end, added.
        window: The window that it was found in, among all windows; -1 for "no answer".
    """

    start: int
    end: int
    score: float
    window: int


class SplitContexts(Protocol):
    """Contexts in windows."""

    @property
    def questions(self) -> np.ndarray:
        """The number of the question that each window is of, int64 `[windows]`."""

    @property
    def spans(self) -> Sequence[np.ndarray]:
        """Of each window the characters [from, to) that each token covers, `[tokens, 2]`.

        Ends that are equal mean none; in a window, none of the two columns decreases.
        """


def best_answers(
    outputs: Sequence[np.ndarray],
    windows: SplitContexts,
    count: int,
    *,
    n_best: int,
    max_answer_length: int,
) -> list[list[Candidate]]:
    """Find the n best answers to each question.

    Args:
        outputs: Of each window the logits of starts and ends, `[tokens, 2]`.
        windows: What the windows are of.
        count: How many questions there are.
        n_best: Starts and ends of a window that are paired, and most answers to a question.
        max_answer_length: Most tokens of an answer.

    Returns:
        Of each question its candidates, the best first, of equal scores the earlier and shorter
        one; none where its context has no token, or no finite score.
    """
    questions = np.asarray(windows.questions)
    found = _candidates(
        outputs, windows.spans, np.arange(len(outputs)), n_best, n_best, max_answer_length
    )
    unpaired = np.flatnonzero(~np.isin(questions, questions[found["window"]]))
    if len(unpaired):
        tokens = max(len(outputs[window]) for window in unpaired)
        more = _candidates(outputs, windows.spans, unpaired, tokens, n_best, max_answer_length)
        found = np.concatenate([found, more])
    found, groups = _distinct_best(found, questions[found["window"]], n_best)
    answers: list[list[Candidate]] = [[] for _ in range(count)]
    for question, fields in zip(groups.tolist(), found.tolist(), strict=True):
        answers[question].append(Candidate(*fields))
    return answers


def null_scores(outputs: Sequence[np.ndarray], windows: SplitContexts, count: int) -> np.ndarray:
    """Score "no answer" for each question, as transformers' run_qa does.

    Args:
        outputs: Of each window the logits of starts and ends, `[tokens, 2]`.
        windows: What the windows are of.
        count: How many questions there are.

    Returns:
        float64 `[count]`: of all windows of a question the least score of `<s>`, as start and end.
    """
    least = np.full(count, np.inf)
    scores = np.array([output[0].astype(np.float64).sum() for output in outputs])
    np.minimum.at(least, np.asarray(windows.questions, dtype=np.int64), scores)
    return least


def with_null(candidates: Sequence[Candidate], null_score: float, n_best: int) -> list[Candidate]:
    """Rank "no answer" among the n best, as transformers' run_qa does.

    Neither it nor the best candidate is cut off.
    """
    null = Candidate(0, 0, null_score, -1)
    ranked = sorted([*candidates, null], key=lambda each: -each.score)[: max(n_best, 2)]
    return ranked if null in ranked else [*ranked, null]


def _candidates(
    outputs: Sequence[np.ndarray],
    spans: Sequence[np.ndarray],
    windows: np.ndarray,
    n_best: int,
    kept: int,
    max_answer_length: int,
) -> np.ndarray:
    """Pair the n best starts and ends of some windows, and keep the best pairs of each."""
    parts = [np.empty(0, _CANDIDATE)]
    n_best = min(n_best, max((len(outputs[window]) for window in windows), default=1))
    size = max(1, PAIRS // n_best**2)
    for start in range(0, len(windows), size):
        chunk = windows[start : start + size]
        found = _pairs(outputs, spans, chunk, n_best, max_answer_length)
        parts.append(_distinct_best(found, found["window"], kept)[0])
    return np.concatenate(parts)


def _pairs(
    outputs: Sequence[np.ndarray],
    spans: Sequence[np.ndarray],
    windows: np.ndarray,
    n_best: int,
    max_answer_length: int,
) -> np.ndarray:
    """Pair the n best starts and ends of each window, and leave out what can be no answer."""
    width = max(len(outputs[window]) for window in windows)
    logits = np.full((len(windows), width, 2), -np.inf)
    characters = np.full((len(windows), width, 2), -1, dtype=np.int64)
    for place, window in enumerate(windows):
        tokens = len(outputs[window])
        logits[place, :tokens] = outputs[window]
        characters[place, :tokens] = spans[window][:tokens]
    # An answer neither begins nor ends with a token that covers nothing, such as a space alone.
    logits[characters[..., 0] >= characters[..., 1]] = -np.inf
    logits[~np.isfinite(logits)] = -np.inf  # infinity would be the best of all
    best = np.argsort(-logits, axis=1, kind="stable")[:, :n_best]
    row, start, end = np.nonzero(_may_be_answers(best, max_answer_length))
    starts, ends = best[row, start, 0], best[row, end, 1]
    found = np.empty(len(row), _CANDIDATE)
    found["start"], found["end"] = characters[row, starts, 0], characters[row, ends, 1]
    found["score"] = logits[row, starts, 0] + logits[row, ends, 1]
    found["window"] = windows[row]
    return found[np.isfinite(found["score"])]


def _may_be_answers(best: np.ndarray, max_answer_length: int) -> np.ndarray:
    """Mark the pairs of a start and an end that are as long as an answer, `[windows, n, n]`."""
    tokens = best[:, None, :, 1] - best[:, :, None, 0] + 1
    return (tokens >= 1) & (tokens <= max_answer_length)


def _distinct_best(
    found: np.ndarray, groups: np.ndarray, n_best: int
) -> tuple[np.ndarray, np.ndarray]:
    """Keep the n best candidates of each group, equal characters once, with the better score.

    Args:
        found: The candidates.
        groups: The group of each.
        n_best: Most candidates of a group.

    Returns:
        What is kept, group after group and the best first, and the group of each.
    """
    order = np.lexsort((found["window"], -found["score"], found["end"], found["start"], groups))
    found, groups = found[order], groups[order]
    first = np.ones(len(found), dtype=bool)
    first[1:] = groups[1:] != groups[:-1]
    for key in ("start", "end"):
        first[1:] |= found[key][1:] != found[key][:-1]
    found, groups = found[first], groups[first]
    order = np.lexsort((found["end"], found["start"], -found["score"], groups))
    found, groups = found[order], groups[order]
    rank = np.arange(len(groups)) - np.searchsorted(groups, groups)
    return found[rank < n_best], groups[rank < n_best]
