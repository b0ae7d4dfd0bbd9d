import subprocess
import sys
import threading

import numpy as np
import pytest

from infoxlm.deploy import Predictor
from infoxlm.deploy import predictor as module
from infoxlm.errors import UserError

FORMS = ("paddle", "onnx", "checkpoint")


@pytest.fixture(scope="module")
def load(export, checkpoint):
    """Loads the tiny classifier in one of its forms."""

    def loaded(form, **options):
        if form == "checkpoint":
            return Predictor.load(checkpoint, **options)
        return Predictor.load(export("fp32", form == "onnx"), runtime=form, **options)

    return loaded


@pytest.fixture(scope="module")
def expected(checkpoint, pairs):
    """Logits of the pairs by the model itself, one pair at a time, without padding."""
    import paddle

    from infoxlm import InfoXLMForSequenceClassification, InfoXLMTokenizer

    model = InfoXLMForSequenceClassification.from_pretrained(checkpoint)
    model.eval()
    tokenizer = InfoXLMTokenizer.from_pretrained(checkpoint)
    ids = [tokenizer.encode([a], [b], max_length=32) for a, b in pairs]
    return np.concatenate(
        [model(paddle.to_tensor(each.padded([0]))).logits.numpy() for each in ids]
    )


@pytest.mark.parametrize("form", FORMS)
def test_labels_and_probabilities_are_the_models(form, load, pairs, expected):
    predictions = load(form).predict(pairs)
    powers = np.exp(expected)
    shares = powers / powers.sum(axis=1, keepdims=True)
    words = ("contradiction", "entailment", "neutral")
    assert [x.label for x in predictions] == [words[best] for best in expected.argmax(axis=1)]
    for prediction, row in zip(predictions, shares, strict=True):
        assert tuple(prediction.probabilities) == words
        assert list(prediction.probabilities.values()) == pytest.approx(row, abs=2e-5)


@pytest.mark.parametrize("form", FORMS)
def test_threads_with_clones(form, load, pairs, expected):
    first = load(form)
    wrong = []

    def work(predictor):
        for row in [0, 3, 5, 1, 2, 4] * 5:
            (logits,) = predictor.outputs(predictor.encode([pairs[row]]).token_ids)
            if np.abs(logits - expected[row]).max() > 1e-4:
                wrong.append(row)

    threads = [threading.Thread(target=work, args=(first.clone(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_any_iterable_in_chunks_and_in_order(load, pairs, monkeypatch):
    predictor = load("paddle", batch_tokens=40)
    at_once = predictor.predict(pairs * 3)
    monkeypatch.setattr(module, "CHUNK", 4)
    streamed = predictor.stream(pair for pair in pairs * 3)
    for one, other in zip(streamed, at_once, strict=True):
        assert one.label == other.label
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-5)
    assert predictor.predict([]) == []


def test_chunks_are_read_when_they_are_due(load, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 2)
    taken = []

    def pairs():
        for number in range(6):
            taken.append(number)
            yield ("a", str(number))

    stream = load("paddle").stream(pairs())
    assert taken == []
    next(stream)
    assert taken == [0, 1]


def test_batches_hold_the_token_budget(load, pairs):
    predictor = load("checkpoint", batch_tokens=60)
    shapes, advanced = [], []
    run = predictor.runtime.run
    predictor.runtime.run = lambda ids: shapes.append(ids.shape) or run(ids)
    predictor.outputs(predictor.encode(pairs * 4).token_ids, advanced.append)
    assert sum(rows for rows, _ in shapes) == len(pairs) * 4
    assert all(rows * width <= 60 for rows, width in shapes)
    assert len(shapes) > 4
    assert advanced == [rows for rows, _ in shapes]


def test_truncation_shows(load):
    predictor = load("paddle")
    tokenizer = predictor.tokenizer
    words = "the cat sat on the mat and the dog ran home " * 4
    exact = next(
        text
        for end in range(len(words))
        if tokenizer.full_lengths([text := words[:end]], ["a"])[0] == 32
    )
    longer = f"{exact} cat"
    found = predictor.predict([(exact, "a"), (longer, "a"), ("a", words)])
    assert [x.truncated for x in found] == [False, True, True]
    (short,) = load("paddle", max_length=16).predict([(exact, "a")])
    assert short.truncated


def test_pairs_that_are_none(load):
    predictor = load("checkpoint")
    for wrong in (["ab"], [("a",)], [("a", None)], ("a", "b")):
        with pytest.raises(TypeError, match="a pair is"):
            predictor.predict(wrong)


def test_errors_name_what_is_wrong(export, checkpoint, tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        Predictor.load(tmp_path / "missing")
    with pytest.raises(UserError, match="has no ONNX model.*format=onnx"):
        Predictor.load(export("fp32", False), runtime="onnx")
    with pytest.raises(UserError, match="has no ONNX model"):
        Predictor.load(checkpoint, runtime="onnx")
    with pytest.raises(UserError, match="has only an ONNX model"):
        Predictor.load(export("int8_dynamic"), runtime="paddle")
    with pytest.raises(UserError, match="max_length=7, but .* takes 8 to 38"):
        Predictor.load(checkpoint, max_length=7)
    with pytest.raises(UserError, match="hardware.device=gpu"):
        Predictor.load(export("fp32", False), device="gpu")


def test_importing_needs_no_framework():
    code = (
        "import sys, infoxlm.deploy, infoxlm.deploy.export, infoxlm.commands.predict;"
        "print({'paddle', 'torch', 'onnxruntime', 'onnx'} & {*sys.modules})"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert finished.stdout == "set()\n", finished.stderr


def test_onnx_is_run_without_paddle(export):
    code = (
        "import sys; from infoxlm.deploy import Predictor\n"
        "found = Predictor.load(sys.argv[1], runtime='onnx').predict([('a', 'b')])\n"
        "print(found[0].label, {'paddle', 'torch'} & {*sys.modules})"
    )
    words = [sys.executable, "-c", code, str(export())]
    finished = subprocess.run(words, capture_output=True, text=True)
    label, _, modules = finished.stdout.partition(" ")
    assert label in ("contradiction", "entailment", "neutral"), finished.stderr
    assert modules == "set()\n"
