import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infoxlm.constants import BOS_ID, EOS_ID
from infoxlm.errors import UserError
from infoxlm.tasks.question_answering.questions import Answer, Question
from infoxlm.tasks.question_answering.windows import SPECIAL, training_targets, windows_of
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

WORDS = ["the", "cat", "Hund,", "маленький", "мальчик", "狗在睡觉。", "เด็กอ่าน", "घर पर", "ﬁn", "㎞",
         "البيت", "cafe\u0301", "", "  ", "\u3000"]  # fmt: skip
TEXTS = st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join)


@pytest.fixture(scope="session")
def tokenizer(sentencepiece_file):
    return InfoXLMTokenizer(sentencepiece_file)


def question(asked, context, answer=None):
    """A question whose answer is a slice of the context."""
    answers = () if answer is None else (Answer(context[slice(*answer)], answer[0]),)
    return Question("id", asked, context, answers, 0)


def split(tokenizer, questions, max_length=24, stride=6, max_question_length=8):
    return windows_of(
        tokenizer,
        [x.question for x in questions],
        [x.context for x in questions],
        max_length=max_length,
        stride=stride,
        max_question_length=max_question_length,
    )


def parts(windows, number):
    """The question, the part of the context, and the place of the part, in a window."""
    ids = windows.token_ids[number].tolist()
    middle = ids.index(EOS_ID)
    assert ids[0] == BOS_ID and ids[middle + 1] == ids[-1] == EOS_ID
    return ids[1:middle], ids[middle + 2 : -1], middle + 2


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=4), st.integers(14, 40), st.integers(0, 5))
def test_windows_hold_the_whole_context(tokenizer, pairs, max_length, stride):
    questions = [question(*pair) for pair in pairs]
    windows = split(tokenizer, questions, max_length, stride, max_question_length=4)
    assert windows.token_ids.ids.dtype == np.int32
    assert windows.contexts == [x.context for x in questions]
    assert sorted(set(windows.questions)) == list(range(len(questions)))
    for number, each in enumerate(questions):
        asked = tokenizer.pieces([each.question])[0].tolist()
        context = tokenizer.spanned_pieces([each.context])
        assert windows.truncated[number] == (len(asked) > 4)
        joined, spans = [], []
        own = np.flatnonzero(windows.questions == number)
        for place, window in enumerate(own):
            found, part, start = parts(windows, window)
            assert found == asked[:4]
            assert len(windows.token_ids[window]) <= max_length
            last = place == len(own) - 1
            assert last or len(windows.token_ids[window]) == max_length
            # The overlap is exact, and no window holds nothing but overlap.
            shared = stride if place else 0
            assert part[:shared] == joined[len(joined) - shared :]
            assert len(part) > shared or len(own) == 1
            joined += part[shared:]
            covered = windows.spans[window]
            assert len(covered) == len(windows.token_ids[window])
            assert (covered[:start] == -1).all() and (covered[-1] == -1).all()
            spans += covered[start + shared : -1].tolist()
        assert joined == context.token_ids[0].tolist()
        assert spans == context[0].tolist()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS, st.integers(0, 80), st.integers(1, 20)), max_size=3))
def test_targets_cover_the_answer(tokenizer, drawn):
    questions = [
        question(asked, context, (start, start + length))
        for asked, context, start, length in drawn
        if context[start : start + length].strip()
    ]
    windows = split(tokenizer, questions)
    targets = training_targets(windows, questions)
    for window, (start, end) in enumerate(zip(targets["start"], targets["end"], strict=True)):
        each = questions[windows.questions[window]]
        answer, spans = each.answers[0], windows.spans[window]
        covered = [x for x in tokenizer.spanned_pieces([each.context])[0].tolist()
                   if x[0] < x[1] and x[1] > answer.start
                   and x[0] < answer.start + len(answer.text)]  # fmt: skip
        whole = {tuple(x) for x in covered} <= {tuple(x) for x in spans.tolist()}
        assert (start > 0) == (end > 0) == (whole and covered != [])
        if start:
            # As few tokens as hold it.
            assert spans[start].tolist() == covered[0] and spans[end].tolist() == covered[-1]
            text = each.context[spans[start, 0] : spans[end, 1]]
            assert answer.text.strip(" \u3000") in text


def test_answer_at_an_edge_is_in_one_window_only(tokenizer):
    context = " ".join(str(number % 10) for number in range(40))
    asked = question("cat", context, (0, 1))
    windows = split(tokenizer, [asked], max_length=24)
    targets = training_targets(windows, [asked])
    assert len(windows.questions) > 2
    assert targets["start"][0] == targets["end"][0]
    assert windows.spans[0][targets["start"][0]].tolist() == [0, 1]
    assert not targets["start"][1:].any() and not targets["end"][1:].any()


def test_answer_that_no_window_holds(tokenizer):
    context = "the cat " * 30
    asked = question("dog", context, (0, 150))
    targets = training_targets(split(tokenizer, [asked]), [asked])
    assert not targets["start"].any() and not targets["end"].any()


def test_no_answer(tokenizer):
    asked = [question("the", "cat", None), question("the", "the cat", (4, 7))]
    targets = training_targets(split(tokenizer, asked), asked)
    assert targets["start"].tolist()[0] == 0 and targets["start"].tolist()[1] > 0
    assert {array.dtype for array in targets.values()} == {np.dtype(np.int64)}


def test_first_answer_is_learned(tokenizer):
    both = question("the", "cat dog", (4, 7))._replace(answers=(Answer("dog", 4), Answer("cat", 0)))
    windows = split(tokenizer, [both])
    start = training_targets(windows, [both])["start"][0]
    assert windows.spans[0][start, 0] == 4


def test_nothing(tokenizer):
    windows = split(tokenizer, [])
    assert len(windows.token_ids) == len(windows.questions) == len(windows.spans) == 0
    assert [len(x) for x in training_targets(windows, []).values()] == [0, 0]


def test_each_context_is_encoded_once(tokenizer, monkeypatch):
    encoded = []
    encode = tokenizer.spanned_pieces
    monkeypatch.setattr(
        tokenizer, "spanned_pieces", lambda texts: encoded.extend(texts) or encode(texts)
    )
    questions = [question(f"cat {number}", f"the dog {number % 2}") for number in range(6)]
    windows = split(tokenizer, questions)
    assert encoded == ["the dog 0", "the dog 1"]
    assert windows.questions.tolist() == list(range(6))
    alone = split(tokenizer, questions[3:4])
    np.testing.assert_array_equal(windows.token_ids[3], alone.token_ids[0])


def test_no_room_for_the_context(tokenizer):
    with pytest.raises(UserError, match=r"max_length=24 leaves 6 tokens .* Set a larger data\."):
        split(tokenizer, [], max_question_length=14)
    assert 24 - SPECIAL - 13 == 7  # one token more is enough
    split(tokenizer, [], max_question_length=13)


@pytest.mark.parametrize("stride", [0, 6, 11])
def test_windows_are_those_of_run_qa(tokenizer, tmp_path, stride):
    transformers = pytest.importorskip("transformers")
    tokenizer.save_pretrained(tmp_path)
    fast = transformers.AutoTokenizer.from_pretrained(tmp_path)
    questions = [
        question("the Hund?", "der kleine Hund läuft schnell durch den Garten! " * 3),
        question("книгу", "маленький мальчик читает книгу дома"),
        question("狗", "孩子在家里看书,狗在睡觉。"),
    ]
    theirs = fast(
        [x.question for x in questions], [x.context for x in questions], max_length=32,
        truncation="only_second", stride=stride, return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )  # fmt: skip
    windows = split(tokenizer, questions, max_length=32, stride=stride, max_question_length=16)
    assert [row.tolist() for row in windows.token_ids] == theirs["input_ids"]
    assert windows.questions.tolist() == theirs["overflow_to_sample_mapping"]
    for spans, offsets in zip(windows.spans, theirs["offset_mapping"], strict=True):
        wide = spans[:, 0] < spans[:, 1]
        np.testing.assert_array_equal(spans[wide, 1], np.array(offsets)[wide, 1])
