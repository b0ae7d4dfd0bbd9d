"""A model that answers questions, over HTTP: its fields, its limits and its page."""

import json
import re
from contextlib import contextmanager

import pytest
from fastapi.testclient import TestClient

CONTEXT = "the cat sat on the mat and the dog ran home"
LONG = f"{CONTEXT}. " * 9
LONG_QUESTION = "the cat sat on the mat and ran home"
QUESTIONS = [("who sat?", CONTEXT), ("谁在看书?", "孩子在家里看书,狗在睡觉。"), ("a", LONG)]


@pytest.fixture
def serving(answering):
    """Serves a model: `with serving({...its options...}, request_pairs=..., ...) as client`."""

    @contextmanager
    def serve(options=(), **limits):
        with answering(options, **limits) as app, TestClient(app) as client:
            client.predictor = app.state.service.predictor
            client.batcher = app.state.service.batcher
            yield client

    return serve


def question(asked, context, **more):
    return {"question": asked, "context": context, **more}


def several(rows=QUESTIONS, **more):
    return {"questions": [question(*row) for row in rows], **more}


def test_answers_are_the_predictors(serving):
    with serving() as client:
        many = client.post("/predict", json=several()).json()["predictions"]
        alone = [client.post("/predict", json=question(*row)).json() for row in QUESTIONS]
        assert many == [each["predictions"][0] for each in alone]
        for found, expected, (_, context) in zip(
            many, client.predictor.predict(QUESTIONS), QUESTIONS, strict=True
        ):
            assert list(found) == [
                "answer", "start", "end", "probability", "alternatives", "truncated",
            ]  # fmt: skip
            assert found["answer"] == expected.answer == context[found["start"] : found["end"]]
            assert found["probability"] == pytest.approx(expected.probability, abs=1e-6)
            answers = [each["answer"] for each in found["alternatives"]]
            assert answers == [each.answer for each in expected.alternatives]


@pytest.mark.parametrize(
    ("body", "where", "what"),
    [
        ({"question": "a"}, "body.context", "required"),
        ({"premise": "a", "hypothesis": "b"}, "body.question", "required (and 3 more)"),
        (question("a", None), "body.context", "valid string"),
        ({"questions": []}, "body.questions", "at least 1"),
        (several([("a", "b"), ("a", 3)]), "body.questions[1].context", "valid string"),
        (several([("a", "b")] * 9), "body.questions", "9 questions, at most 8"),
        (question("a", "b" * 801), "body.context", "801 characters, at most 800"),
        (question(LONG_QUESTION, "b"), "body.question", "the model takes 8"),
        (several([("a", "b"), (LONG_QUESTION, "b")]), "body.questions[1].question", "takes 8"),
    ],
)
def test_what_cannot_be_answered_is_refused_in_one_line(serving, body, where, what):
    with serving(request_pairs=8, text_characters=800) as client:
        answer = client.post("/predict", json=body)
        assert answer.status_code == 422
        error = answer.json()["error"]
        assert error["where"] == where
        assert what in error["what"]
        assert "\n" not in "".join(error.values())


def test_a_request_costs_no_more_windows_than_pairs_are_taken(serving):
    with serving(request_pairs=8, waiting_pairs=8) as client:
        windows = len(client.predictor.encode([("a", LONG)]).token_ids)
        assert windows > 8
        refused = client.post("/predict", json=question("a", LONG))
        assert refused.status_code == 422
        assert refused.json()["error"] == {
            "what": f"{windows} windows of contexts, at most 8 are taken at a time",
            "where": "body",
            "remedy": "Send fewer.",
        }
        assert client.post("/predict", json=question("a", LONG[:60])).status_code == 200
        assert client.batcher.pending == 0
    with serving(request_pairs=windows, waiting_pairs=windows) as client:
        assert client.post("/predict", json=question("a", LONG)).status_code == 200


def test_windows_beyond_the_queue_are_told_to_come_back(serving):
    with serving(request_pairs=256, waiting_pairs=256) as client:
        with client.batcher.admitted(250):
            busy = client.post("/predict", json=question("a", LONG))
            assert busy.status_code == 429
            # With the one that the question was first counted as.
            assert busy.json()["error"]["what"] == "251 questions wait, at most 256 may"
            assert "Retry-After" in busy.headers
            assert client.batcher.pending == 250
            assert client.post("/predict", json=question("a", "b")).status_code == 200
        assert client.post("/predict", json=question("a", LONG)).status_code == 200


def test_questions_are_cut_where_that_is_asked_for(serving):
    body = question("the cat sat on the mat and ran home", "the dog ran home", truncate=True)
    with serving() as client:
        (found,) = client.post("/predict", json=body).json()["predictions"]
        assert found["truncated"] is True


def test_documentation_has_the_fields_and_the_answers(serving):
    with serving() as client:
        described = client.get("/openapi.json").json()
        schemas = described["components"]["schemas"]
        assert set(schemas["Question"]["properties"]) == {"question", "context"}
        assert set(schemas["Answer"]["properties"]) >= {"start", "end", "alternatives"}
        assert set(schemas["AnswerSpan"]["properties"]) == {
            "answer", "start", "end", "probability",
        }  # fmt: skip
        assert "8 tokens a question" in described["info"]["description"]
        assert client.get("/docs").is_success


def test_page_loads_nothing_from_elsewhere_and_has_examples(serving):
    with serving() as client:
        text = client.get("/").text
        loaded = re.findall(r'(?:src|href)="([^"]+)"', text)
        assert "{{" not in text
        assert all(client.get(path).is_success for path in loaded)
        assert "that the text does not say" not in text
        examples = client.get("/page/examples.json").json()
        answered = several([(each["questions"][0], each["context"]) for each in examples])
        assert client.post("/predict", json={**answered, "truncate": True}).is_success
    languages = {each["language"] for each in examples}
    assert {"ar", "ur", "hi", "th", "zh", "ja", "ru", "el"} <= languages
    assert any("asked" in each for each in examples)
    for each in examples:
        assert len(each["questions"]) == 2, each["name"]
        assert json.dumps(each, ensure_ascii=False).isprintable()
    with serving({"unanswerable": "keep"}) as client:
        assert "that the text does not say" in client.get("/").text
