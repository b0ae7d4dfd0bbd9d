"""Questions in, answers out, with a stand-in for the model that looks for a word."""

import json

import numpy as np
import pytest

from infoxlm.deploy.predictor import Predictor
from infoxlm.errors import UserError
from infoxlm.tasks.question_answering.inference import QuestionInference
from infoxlm.tasks.registry import inference_of
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

MAX_LENGTH = 24
OPTIONS = {"stride": 4, "max_question_length": 6}
CONTEXTS = {
    "en": "the cat sat on the mat and the dog ran home. a woman is playing the violin",
    "ar": "الولد يقرأ كتابا في البيت أمس اشترينا سيارة جديدة وذهبنا إلى البحر",
    "th": "เด็กอ่านหนังสืออยู่ที่บ้าน ไม่ใช่ที่โรงเรียน เมื่อวานเราซื้อรถใหม่และไปทะเล",
    "zh": "孩子在家里看书,狗在睡觉。昨天我们买了新车,然后去了海边。",
    "hi": "बच्चा घर पर किताब पढ़ रहा है कल हमने नई गाड़ी खरीदी और समुद्र देखने गए",
}
WORDS = {"en": "violin", "ar": "سيارة", "th": "ทะเล", "zh": "新车", "hi": "समुद्र"}


class Finder:
    """A model that finds a word: its tokens are the best starts and ends, whatever is around."""

    name = "finder"

    def __init__(self, tokenizer, word):
        self.ids = set(tokenizer.encode([word], max_length=MAX_LENGTH).ids[1:-1].tolist())

    def run(self, ids):
        first = np.isin(ids, list(self.ids))
        return np.stack([first, first], axis=-1).astype(np.float32) * 5 - (ids == 1)[..., None] * 99


@pytest.fixture(scope="module")
def tokenizer(sentencepiece_file):
    return InfoXLMTokenizer(sentencepiece_file)


def predictor(tokenizer, runtime, **options):
    inference = QuestionInference({"question_answering": OPTIONS | options})
    return Predictor(runtime, tokenizer, inference, MAX_LENGTH)


class Marked:
    """A model that marks one place: the last two tokens in front of the end of each window."""

    name = "marked"

    def run(self, ids):
        places = np.arange(ids.shape[1])
        last = (ids != 1).sum(axis=1, keepdims=True) - 2
        starts, ends = places == last - 1, places == last
        return np.stack([starts, ends], axis=-1).astype(np.float32)


@pytest.mark.parametrize("language", CONTEXTS)
def test_answers_are_characters_of_the_context(tokenizer, language):
    context = "  " + CONTEXTS[language] * 3
    found = predictor(tokenizer, Finder(tokenizer, WORDS[language])).predict([("?", context)])[0]
    assert context[found.start : found.end] == found.answer
    assert found.answer == found.answer.strip()
    for each in found.alternatives:
        assert context[each.start : each.end] == each.answer
    answers = [found, *found.alternatives]
    shares = [each.probability for each in answers]
    assert shares == sorted(shares, reverse=True)
    assert len({(each.start, each.end) for each in answers}) == len(answers)


def test_long_contexts_are_read_to_their_end(tokenizer):
    context = CONTEXTS["en"] + ". " + "the cat sat on the mat and the dog ran home. " * 20 + "2019"
    (found,) = predictor(tokenizer, Finder(tokenizer, "2019")).predict([("when?", context)])
    assert found.answer.endswith("9")
    assert found.end == len(context)


def test_each_question_has_its_own_answer(tokenizer):
    rows = [("who?", context) for context in CONTEXTS.values()]
    asked = predictor(tokenizer, Marked())
    together = asked.predict(rows)
    assert together == [asked.predict([row])[0] for row in rows]
    for found, (_, context) in zip(together, rows, strict=True):
        assert found.answer in context


def test_questions_that_are_cut_are_said_to_be(tokenizer):
    long = "a woman is playing the violin in the park, never alone."
    asked = predictor(tokenizer, Marked())
    found = asked.predict([(long, "the cat"), ("a", "the cat " * 40)])
    assert [each.truncated for each in found] == [True, False]
    inference = asked.inference
    length = inference.full_length(tokenizer, (long, "the cat"))
    assert length == len(tokenizer.encode([long], max_length=512).ids) - 2
    assert length > inference.longest(MAX_LENGTH) == 6


def test_empty_context_has_no_answer(tokenizer):
    found = predictor(tokenizer, Marked()).predict([("who?", ""), ("who?", "the cat")])
    assert (found[0].answer, found[0].probability, found[0].alternatives) == ("", 0.0, [])
    assert found[1].answer


class Nothing:
    """A model that says "no answer": `<s>` is the best start and end."""

    name = "nothing"

    def run(self, ids):
        logits = np.zeros((*ids.shape, 2), np.float32)
        logits[:, 0] = 3
        return logits


def test_only_a_model_that_learned_so_answers_with_nothing(tokenizer):
    row = ("who?", CONTEXTS["en"])
    (found,) = predictor(tokenizer, Nothing(), unanswerable="keep").predict([row])
    assert (found.answer, found.start, found.end) == ("", 0, 0)
    assert found.probability > 0.9
    (found,) = predictor(tokenizer, Nothing(), unanswerable="keep", null_threshold=9).predict([row])
    assert found.answer
    (found,) = predictor(tokenizer, Nothing()).predict([row])
    assert found.answer
    assert all(each.answer for each in found.alternatives)


def test_answers_as_json_and_as_cells(tokenizer):
    asked = predictor(tokenizer, Finder(tokenizer, "violin"))
    (found,) = asked.predict([("what?", CONTEXTS["en"])])
    record = asked.inference.record(found)
    assert json.loads(json.dumps(record)) == record
    assert list(record) == ["answer", "start", "end", "probability", "alternatives", "truncated"]
    assert set(record["alternatives"][0]) == {"answer", "start", "end", "probability"}
    cells = dict(zip(asked.inference.columns, asked.inference.cells(found), strict=True))
    assert cells["answer"] == found.answer
    assert int(cells["start"]) == found.start
    assert float(cells["probability"]) == pytest.approx(found.probability, abs=1e-6)
    assert cells["truncated"] == "false"


def test_sample_is_in_many_languages_and_splits_share_no_input():
    inference = QuestionInference({})
    rows, others = inference.sample_rows("test", 8), inference.sample_rows("dev", 8)
    assert len(set(rows)) == len(rows) >= 15
    assert not set(rows) & set(others)
    assert {context for _, context in rows} == {context for _, context in others}
    assert all(question.strip() and len(context) > 40 for question, context in rows)


def test_an_exported_file_says_what_its_outputs_are():
    facts = QuestionInference({"question_answering": OPTIONS}).facts()
    assert json.loads(facts["outputs"]) == ["start", "end"]
    assert json.loads(facts["question_answering"])["stride"] == 4


def test_options_at_fault_end_in_one_line():
    with pytest.raises(UserError, match=r"question_answering.n_best is 0"):
        QuestionInference({"question_answering": {"n_best": 0}})


def test_checkpoints_of_transformers_are_known_by_their_class():
    classes = ["XLMRobertaForQuestionAnswering"]
    assert isinstance(inference_of({"architectures": classes}), QuestionInference)
    assert isinstance(inference_of({"task_name": "question_answering"}), QuestionInference)
    for other in ({"architectures": classes, "task_name": "classification"}, {"architectures": 3}):
        assert not isinstance(inference_of(other), QuestionInference)


def test_windows_have_to_bring_more_than_they_share():
    inference = QuestionInference({"question_answering": OPTIONS})
    inference.check_length(15)
    with pytest.raises(UserError, match=r"max_length=14 leaves 4 tokens .* to more than 14"):
        inference.check_length(14)
