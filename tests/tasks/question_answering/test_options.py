import pytest

from infoxlm.errors import UserError
from infoxlm.schema import QuestionAnsweringConfig
from infoxlm.tasks.question_answering.options import AnsweringOptions
from infoxlm.tasks.question_answering.settings import model_options


def test_options_of_a_model_are_read_and_others_left_out():
    assert AnsweringOptions.of({}) == AnsweringOptions()
    given = {"stride": 64, "n_best": 5, "unanswerable": "keep", "null_threshold": 2, "rules": "x"}
    options = AnsweringOptions.of({"question_answering": given})
    assert options == AnsweringOptions(stride=64, n_best=5, unanswerable="keep", null_threshold=2.0)
    assert options.may_be_unanswerable
    assert not AnsweringOptions().may_be_unanswerable


def test_a_model_that_tells_nothing_is_asked_as_runs_are_by_default():
    assert model_options(QuestionAnsweringConfig(), {}) == AnsweringOptions()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], r"config.json: question_answering is \[\], not an object"),
        ({"stride": -1}, "question_answering.stride is -1, not a whole number from 0"),
        ({"stride": 1.5}, "question_answering.stride is 1.5"),
        ({"max_answer_length": 0}, "question_answering.max_answer_length is 0"),
        ({"n_best": True}, "question_answering.n_best is True"),
        ({"null_threshold": float("nan")}, "question_answering.null_threshold is nan"),
        ({"null_threshold": "0"}, "question_answering.null_threshold is '0'"),
        ({"unanswerable": None}, "unanswerable is None, not one of refuse drop keep"),
        ({"unanswerable": "Keep"}, "unanswerable is 'Keep', not one of refuse drop keep"),
    ],
)
def test_options_that_make_no_sense_are_refused(given, message):
    with pytest.raises(UserError, match=message):
        AnsweringOptions.of({"question_answering": given})
