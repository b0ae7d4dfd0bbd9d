import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infoxlm.tasks.question_answering.answer_scores import SQUAD2
from infoxlm.tasks.question_answering.null_threshold import (
    best_threshold,
    null_answer_details,
)


def best(differences, answered, unanswered):
    return best_threshold(*(np.array(x, np.float64) for x in (differences, answered, unanswered)))


def test_by_hand():
    # The two surest are right, the third is half right and has no answer, the last has none.
    found = best([-3, -1, 0.5, 2], [1, 1, 0.5, 0], [0, 0, 1, 1])
    assert found == (-1.0, 1.0)
    assert best([2, -3, 0.5, -1], [0, 1, 0.5, 1], [1, 0, 1, 0]) == found


def test_all_are_answered():
    assert best([-1, 4], [1, 0.5], [0, 0]) == (4.0, 0.75)


def test_none_is_answered():
    found = best([-1, 4], [0, 0], [1, 1])
    assert found.value == 1.0
    assert found.threshold < -1
    assert found.threshold == pytest.approx(-1)
    assert best([0.25, 0.5], [0, 0], [1, 1]) == (0.0, 1.0)


def test_equal_differences_are_not_parted():
    """Answering the first alone would score 1, but nothing tells it from the second."""
    assert best([1, 1], [1, 0], [0, 1]).value == 0.5


NUMBERS = st.integers(-3, 3).map(float)
WORTH = st.sampled_from([0.0, 0.25, 1.0])


@given(st.lists(st.tuples(NUMBERS, WORTH, WORTH), min_size=1, max_size=8))
def test_no_threshold_is_better(drawn):
    columns = np.array(drawn).T
    differences, answered, unanswered = columns

    def value(threshold):
        return np.where(differences > threshold, unanswered, answered).mean()

    found = best_threshold(*columns)
    assert found.value == pytest.approx(value(found.threshold))
    assert all(value(x) <= found.value + 1e-12 for x in np.arange(-4, 4, 0.5))


def test_details(question, answers):
    english = answers(
        "en",
        [question("a", 0, "red cat"), question("b", 1), question("c", 2, "mat")],
        ["cat", "mat", "sat"],
        nulls=[4, 6, 6],
    )
    german = answers("de", [question("a", 0, "cat")], ["cat"], nulls=[2])
    given_texts = (["cat", "", ""], ["cat"])
    worth = [
        part.scores_of(x, SQUAD2) for part, x in zip((english, german), given_texts, strict=True)
    ]
    found = null_answer_details([english, german], worth, SQUAD2)
    two_thirds = 2 * 1.0 * 0.5 / 1.5
    assert found["answerable"] == {
        "f1": {"all": pytest.approx((two_thirds + 0 + 1) / 3), "en": two_thirds / 2, "de": 1.0},
        "exact_match": {"all": pytest.approx(1 / 3), "en": 0.0, "de": 1.0},
        "examples": {"all": 3, "en": 2, "de": 1},
    }
    assert found["unanswerable"] == {
        "f1": {"all": 1.0, "en": 1.0},
        "exact_match": {"all": 1.0, "en": 1.0},
        "examples": {"all": 1, "en": 1},
    }
    assert found["best_threshold"]["f1"]["en"] == {
        "threshold": -1.0, "value": pytest.approx((two_thirds + 1) / 3),
    }  # fmt: skip
    assert found["best_threshold"]["f1"]["all"]["threshold"] == -1.0
