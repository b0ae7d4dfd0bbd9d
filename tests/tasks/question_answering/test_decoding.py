"""Answers out of logits, next to a search that tries every pair one by one."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infoxlm.tasks.question_answering import decoding
from infoxlm.tasks.question_answering.decoding import (
    Candidate,
    best_answers,
    null_scores,
    with_null,
)


@dataclass
class Split:
    """What decoding needs to know of windows."""

    questions: np.ndarray
    spans: list


def one_by_one(outputs, windows, count, n_best, max_answer_length):
    """Try every pair of a start and an end, as transformers' run_qa does."""
    found = [search(outputs, windows, each, n_best, max_answer_length) for each in range(count)]
    return [
        each or search(outputs, windows, question, 10**6, max_answer_length)[:n_best]
        for question, each in enumerate(found)
    ]


def search(outputs, windows, question, n_best, max_answer_length):
    best = {}
    for window, (output, spans) in enumerate(zip(outputs, windows.spans, strict=True)):
        if windows.questions[window] != question:
            continue
        inside = [token for token in range(len(output)) if spans[token][0] < spans[token][1]]
        ranked = [
            sorted(inside, key=lambda token: (-output[token, which], token))[:n_best]
            for which in (0, 1)
        ]
        for start in ranked[0]:
            for end in ranked[1]:
                characters = int(spans[start][0]), int(spans[end][1])
                if not start <= end < start + max_answer_length:
                    continue
                score = float(output[start, 0]) + float(output[end, 1])
                if characters not in best or score > best[characters][0]:
                    best[characters] = (score, window)
    candidates = [Candidate(*each, *best[each]) for each in best]
    return sorted(candidates, key=lambda each: (-each.score, each.start, each.end))[:n_best]


@st.composite
def cases(draw):
    """Questions with contexts in overlapping windows, and logits with many ties."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    count, ties = draw(st.integers(1, 4)), draw(st.booleans())
    questions, spans, outputs = [], [], []
    for question in range(count):
        # Some tokens cover no character, and some two tokens cover the same.
        ends = random.integers(0, 3, draw(st.integers(0, 25))).cumsum()
        tokens = np.stack([np.maximum(0, ends - random.integers(0, 3, len(ends))), ends], axis=1)
        width, overlap = draw(st.integers(3, 12)), draw(st.integers(0, 2))
        for start in range(0, max(1, len(tokens) - overlap), width - overlap):
            asked, padded = random.integers(1, 4), random.integers(0, 3)
            around = [np.full((number, 2), -1) for number in (asked, 1, padded)]
            part = tokens[start : start + width]
            spans.append(np.concatenate([around[0], part, *around[1:]]))
            shape = (len(spans[-1]) - padded, 2)
            logits = random.integers(-3, 4, shape) if ties else random.normal(0, 3, shape)
            outputs.append(logits.astype(np.float32))
            questions.append(question)
    order = random.permutation(len(questions)) if draw(st.booleans()) else range(len(questions))
    windows = Split(np.array([questions[x] for x in order]), [spans[x] for x in order])
    return [outputs[x] for x in order], windows, count


@settings(max_examples=150, deadline=None)
@given(cases(), st.integers(1, 8), st.integers(1, 6), st.sampled_from([1, 20, 1 << 20]))
def test_best_answers_are_those_of_a_search_one_by_one(case, n_best, max_answer_length, pairs):
    outputs, windows, count = case
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoding, "PAIRS", pairs)
        found = best_answers(
            outputs, windows, count, n_best=n_best, max_answer_length=max_answer_length
        )
    assert found == one_by_one(outputs, windows, count, n_best, max_answer_length)


#: A window of five tokens: `<s>`, a question of one token, a context of two, `</s>`.
SPANS = np.array([[-1, -1], [-1, -1], [0, 3], [4, 7], [-1, -1]])


def window(starts, ends):
    return np.stack([starts, ends], axis=1).astype(np.float32)


def test_no_answer_lies_in_the_question_or_in_padding():
    output = window([9, 9, 1, 0, 9], [9, 9, 0, 1, 9])
    padded = np.concatenate([SPANS, np.full((3, 2), -1)])
    (found,) = best_answers(
        [output], Split(np.zeros(1, int), [padded]), 1, n_best=1, max_answer_length=2
    )
    assert found == [Candidate(0, 7, 2.0, 0)]


def test_starts_behind_all_ends_leave_the_best_single_pair():
    output = window([0, 0, 1, 5, 0], [0, 0, 6, 1, 0])
    windows = Split(np.zeros(1, int), [SPANS])
    (found,) = best_answers([output], windows, 1, n_best=1, max_answer_length=1)
    assert found == [Candidate(0, 3, 7.0, 0)]


def test_the_same_characters_of_two_windows_count_once():
    outputs = [window([0, 0, 1, 0, 0], [0, 0, 1, 0, 0]), window([0, 0, 2, 0, 0], [0, 0, 2, 0, 0])]
    (found,) = best_answers(
        outputs, Split(np.zeros(2, int), [SPANS, SPANS]), 1, n_best=20, max_answer_length=30
    )
    assert found[0] == Candidate(0, 3, 4.0, 1)
    assert len({(each.start, each.end) for each in found}) == len(found) == 3


def test_no_answer_begins_or_ends_with_a_space():
    spans = np.array([[-1, -1], [-1, -1], [1, 1], [1, 4], [5, 5], [5, 7], [8, 8], [-1, -1]])
    output = window([0, 0, 9, 1, 9, 2, 9, 0], [0, 0, 9, 3, 9, 2, 9, 0])
    (found,) = best_answers(
        [output], Split(np.zeros(1, int), [spans]), 1, n_best=9, max_answer_length=9
    )
    assert [each[:3] for each in found] == [(1, 4, 4.0), (5, 7, 4.0), (1, 7, 3.0)]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_scores_that_are_not_finite_are_no_answers(bad):
    output = window([0, 0, bad, 1, 0], [0, 0, 0, 1, 0])
    windows = Split(np.zeros(1, int), [SPANS])
    assert best_answers([output], windows, 1, n_best=2, max_answer_length=2) == [
        [Candidate(4, 7, 2.0, 0)]
    ]
    everywhere = np.full_like(output, bad)
    assert best_answers([everywhere], windows, 1, n_best=2, max_answer_length=2) == [[]]


def test_nothing_is_found_where_there_is_nothing():
    assert best_answers([], Split(np.zeros(0, int), []), 0, n_best=2, max_answer_length=2) == []
    empty = Split(np.zeros(1, int), [np.full((4, 2), -1)])
    output = [np.ones((4, 2), np.float32)]
    assert best_answers(output, empty, 2, n_best=2, max_answer_length=2) == [[], []]


def test_null_score_is_the_least_of_all_windows():
    outputs = [window([start] + [9] * 4, [1] + [9] * 4) for start in (3, 2, 5)]
    windows = Split(np.array([0, 0, 2]), [SPANS] * 3)
    assert null_scores(outputs, windows, 3).tolist() == [3.0, np.inf, 6.0]
    assert null_scores([], Split(np.zeros(0, int), []), 0).tolist() == []


def test_no_answer_is_ranked_among_the_others_and_never_cut_off():
    candidates = [Candidate(0, 1, 3.0, 0), Candidate(0, 2, 1.0, 0)]
    null = Candidate(0, 0, 2.0, -1)
    assert with_null(candidates, 2.0, 20) == [candidates[0], null, candidates[1]]
    assert with_null(candidates, 2.0, 2) == [candidates[0], null]
    assert with_null(candidates, 0.0, 2) == [*candidates, null._replace(score=0.0)]
    assert with_null(candidates, 9.0, 1) == [null._replace(score=9.0), candidates[0]]
    assert with_null([], 0.0, 2) == [null._replace(score=0.0)]
