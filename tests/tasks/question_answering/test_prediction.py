import pytest

from infoxlm.tasks.question_answering.decoding import Candidate
from infoxlm.tasks.question_answering.options import AnsweringOptions
from infoxlm.tasks.question_answering.prediction import ALTERNATIVES, AnswerSpan, answer_of

CONTEXT = "Crane built it in 1874."
CANDIDATES = [Candidate(18, 22, 2.0, 0), Candidate(15, 22, 1.0, 0), Candidate(0, 5, -1.0, 1)]


def answer(candidates, null=None, **options):
    options = AnsweringOptions(**options)
    return answer_of(candidates, null, CONTEXT, options, truncated=False)


def test_probabilities_are_a_softmax_over_the_n_best():
    found = answer(CANDIDATES)
    assert (found.answer, found.start, found.end) == ("1874", 18, 22)
    assert [each.answer for each in found.alternatives] == ["in 1874", "Crane"]
    shares = [found.probability, *(each.probability for each in found.alternatives)]
    # exp(0), exp(-1) and exp(-3), divided by their sum
    assert shares == pytest.approx([0.705385, 0.259496, 0.035119], abs=1e-6)


def test_more_than_the_alternatives_shown_share_the_probability():
    many = [Candidate(0, end, 0.0, 0) for end in range(1, 11)]
    found = answer(many)
    assert found.probability == pytest.approx(0.1)
    assert len(found.alternatives) == ALTERNATIVES


@pytest.mark.parametrize(
    ("null", "threshold", "expected"),
    [(2.5, 0.0, ""), (1.5, 0.0, "1874"), (2.5, 0.5, "1874"), (2.6, 0.5, ""), (1.5, -1.0, "")],
)
def test_no_answer_when_it_scores_better_by_more_than_the_threshold(null, threshold, expected):
    found = answer(CANDIDATES, null, null_threshold=threshold)
    assert found.answer == expected
    answers = [found, *found.alternatives]
    assert {each.answer for each in answers} == {"", "1874", "in 1874", "Crane"}
    assert sum(each.probability for each in answers) == pytest.approx(1)
    if not expected:
        assert (found.start, found.end) == (0, 0)


def test_one_best_answer_next_to_none():
    found = answer(CANDIDATES[:1], 2.0, n_best=1, null_threshold=1.0)
    assert (found.answer, found.alternatives) == ("1874", [AnswerSpan("", 0, 0, 0.5)])


def test_nothing_to_choose_from():
    for null in (None, float("inf"), float("nan")):
        found = answer([], null)
        assert (found.answer, found.probability, found.alternatives) == ("", 0.0, [])
    assert answer([], 3.0).probability == 1.0
