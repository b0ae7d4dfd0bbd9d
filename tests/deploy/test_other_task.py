"""A task of another kind predicts and serves without a line of it in deploy/ or serve/.

Question answering in miniature: two fields, a context that becomes several overlapping sequences,
outputs for every token, an answer that is a piece of the text.
"""

import json
from dataclasses import dataclass

import numpy as np
import pytest

from infoxlm.deploy.input_rows import read_rows
from infoxlm.deploy.prediction_files import open_writer, predict_rows
from infoxlm.deploy.predictor import Predictor
from infoxlm.tasks.inference import Encoded, Field, Inference
from infoxlm.tokenization.token_ids import TokenIds, offsets_from

STEP, WIDTH = 3, 5


@dataclass(frozen=True)
class Span:
    """A letter of the context, and where it is."""

    answer: str
    start: int
    truncated: bool = False


@dataclass(frozen=True, eq=False)
class Windows(Encoded):
    """Sequences, with the context that each is from and its place there."""

    starts: list
    contexts: list


class LetterInference(Inference):
    """Finds a letter: the question is a letter, and tokens are letters."""

    fields = (Field("question"), Field("context", ("passage",)))
    noun, plural = "question", "questions"
    description = "Answers out of a context."
    prediction = Span
    outputs = 1
    columns = ("answer", "start")

    def encode(self, tokenizer, rows, max_length):
        sequences, starts, contexts = [], [], []
        for number, (question, context) in enumerate(rows):
            for start in range(0, max(1, len(context) - WIDTH + STEP), STEP):
                sequences.append([ord(x) for x in question + context[start : start + WIDTH]])
                starts.append((number, start))
            contexts.append(context)
        lengths = np.array([len(ids) for ids in sequences])
        ids = np.concatenate([np.array(ids, np.int32) for ids in sequences])
        return Windows(
            TokenIds(ids, offsets_from(lengths)), np.zeros(len(rows), bool), starts, contexts
        )

    def decode(self, outputs, encoded):
        best = {}
        for (number, start), output in zip(encoded.starts, outputs, strict=True):
            place = int(output[1:, 0].argmax())  # behind the question
            score = float(output[1 + place, 0])
            if score > best.get(number, (-1.0, 0))[0]:
                best[number] = (score, start + place)
        return [
            Span(context[best[number][1]], best[number][1])
            for number, context in enumerate(encoded.contexts)
        ]

    def record(self, prediction):
        return {"answer": prediction.answer, "start": prediction.start}

    def cells(self, prediction):
        return [prediction.answer, str(prediction.start)]


class SameLetter:
    """For every token: is it the first one, later the better? Padding would look like an answer."""

    name = "toy"

    def run(self, ids):
        same = (ids == ids[:, :1]).astype(np.float32)
        return np.where(ids == 1, 9.0, same)[..., None]

    def clone(self):
        return self


ROWS = [("c", "abcabcabxz"), ("z", "qqqqqqqqqqz"), ("a", "a")]
EXPECTED = [Span("c", 2), Span("z", 10), Span("a", 0)]


@pytest.fixture
def predictor():
    return Predictor(SameLetter(), None, LetterInference(), 32)


def test_spans_come_out_of_several_sequences(predictor):
    assert predictor.predict(ROWS) == EXPECTED
    assert len(predictor.encode(ROWS).token_ids) == 7
    with pytest.raises(TypeError, match=r"a question is \(question, context\), two strings"):
        predictor.predict([("a",)])


def test_files_have_the_tasks_columns(predictor, tmp_path):
    source = tmp_path / "in.tsv"
    source.write_text("passage\tquestion\n" + "".join(f"{c}\t{q}\n" for q, c in ROWS))
    rows = read_rows(source, [field.columns for field in predictor.inference.fields])
    with open_writer(tmp_path / "out.tsv", predictor.inference) as writer:
        predict_rows(rows, predictor.answer, writer, name="in", chunk=2, stop_on_error=True)
    assert (tmp_path / "out.tsv").read_text().splitlines() == [
        "row\tanswer\tstart\terror", "0\tc\t2\t", "1\tz\t10\t", "2\ta\t0\t",
    ]  # fmt: skip
    with open_writer(tmp_path / "out.jsonl", predictor.inference) as writer:
        rows = read_rows(source, [field.columns for field in predictor.inference.fields])
        predict_rows(rows, predictor.answer, writer, name="in", chunk=2, stop_on_error=True)
    first = json.loads((tmp_path / "out.jsonl").read_text().splitlines()[0])
    assert first == {"row": 0, "answer": "c", "start": 2}


def test_server_takes_the_tasks_fields(predictor):
    pytest.importorskip("fastapi")
    from fastapi.testclient import TestClient

    from infoxlm.serve.app import create_app
    from infoxlm.serve.batching import Batcher
    from infoxlm.serve.limits import Limits
    from infoxlm.serve.metrics import Metrics
    from infoxlm.serve.service import Service

    batcher = Batcher([predictor.runtime], 64, 64)
    app = create_app(Service(predictor, batcher, Limits()), Metrics())
    with TestClient(app) as client:
        many = {"questions": [{"question": q, "context": c} for q, c in ROWS]}
        found = client.post("/predict", json=many).json()
        assert found == {"predictions": [vars(span) for span in EXPECTED]}
        one = client.post("/predict", json={"question": "c", "context": "abc"}).json()
        assert one == {"predictions": [{"answer": "c", "start": 2, "truncated": False}]}
        wrong = client.post("/predict", json={"premise": "a", "hypothesis": "b"})
        assert wrong.status_code == 422
        assert client.post("/classify", json={"text": "a", "labels": ["b"]}).status_code == 404
        assert client.get("/").status_code == 404
        names = client.get("/openapi.json").json()["components"]["schemas"]
        assert {"Question", "OneQuestion", "Questions", "Answer", "Answers"} <= set(names)
