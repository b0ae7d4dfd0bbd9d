"""The pages, in this process: what they answer, and what they refuse."""

import asyncio
import json

import numpy as np
import pytest
from fastapi.testclient import TestClient

from infoxlm.serve.errors import RequestError

PAIRS = [
    ("the cat sat on the mat", "the dog ran home"),
    ("", "a woman is playing the violin"),
    ("孩子在家里看书", "狗在睡觉。"),
    ("a", "b"),
    ("الولد يقرأ", "كتابا في البيت"),
]
JSON = {"Content-Type": "application/json"}
LONG = "the cat sat on the mat and the dog ran home " * 4


def pair(premise="a", hypothesis="b", **more):
    return {"premise": premise, "hypothesis": hypothesis, **more}


def several(pairs=PAIRS, **more):
    return {"pairs": [pair(*each) for each in pairs], **more}


@pytest.fixture(scope="module")
def small():
    return {"request_pairs": 8, "text_characters": 400, "body_bytes": 6000, "waiting_pairs": 20}


@pytest.fixture
def client(application, small):
    with application(**small) as app, TestClient(app) as client:
        yield client


def test_answers_are_the_predictors(client, predictor):
    expected = predictor.predict(PAIRS)
    many = client.post("/predict", json=several())
    assert many.status_code == 200
    alone = [client.post("/predict", json=pair(*each)).json()["predictions"][0] for each in PAIRS]
    for found in (many.json()["predictions"], alone):
        for one, other in zip(found, expected, strict=True):
            assert one["label"] == other.label
            assert list(one["probabilities"]) == list(other.probabilities)
            assert one["probabilities"] == pytest.approx(other.probabilities, abs=1e-6)
            assert one["truncated"] is False


@pytest.mark.parametrize("options", [{}, {"multi_label": True, "template": "It's {}, I think."}])
def test_classes_are_the_classifiers(client, predictor, options):
    from infoxlm.deploy import ZeroShotClassifier

    labels, texts = ["孩子", "dog"], ["孩子在家里看书", "the dog ran home"]
    expected = ZeroShotClassifier(predictor, labels, **options).predict(texts)
    body = {"labels": labels, **options}
    many = client.post("/classify", json={"texts": texts, **body}).json()["predictions"]
    alone = client.post("/classify", json={"text": texts[1], **body}).json()["predictions"]
    for one, other in zip([*many, *alone], [*expected, expected[1]], strict=True):
        assert one["label"] == other.label
        assert list(one["probabilities"]) == list(other.probabilities)
        assert one["probabilities"] == pytest.approx(other.probabilities, abs=1e-6)


@pytest.mark.parametrize(
    "words", [("entailment", "not_entailment"), ("not_paraphrase", "paraphrase"), ("good", "bad")]
)
def test_models_of_two_labels(application, predictor, monkeypatch, words):
    from infoxlm.deploy import ZeroShotClassifier
    from infoxlm.tasks.classification.inference import ModelInference

    class TwoColumns:
        name = "two columns"
        run = staticmethod(lambda ids, inner=predictor.runtime: inner.run(ids)[:, :2])

    inference = ModelInference({"id2label": {"0": words[0], "1": words[1]}})
    monkeypatch.setattr(predictor, "inference", inference)
    monkeypatch.setattr(predictor, "runtime", TwoColumns())
    body = {"text": "the dog ran home", "labels": ["孩子", "dog"], "multi_label": True}
    with application() as app, TestClient(app) as client:
        answer = client.post("/predict", json=pair()).json()["predictions"][0]
        assert list(answer["probabilities"]) == list(words)
        answer = client.post("/classify", json=body)
    if words[0] == "good":
        assert answer.status_code == 422
        assert "good, bad, which do not tell entailment" in answer.json()["error"]["what"]
    else:
        classifier = ZeroShotClassifier(predictor, body["labels"], multi_label=True)
        (expected,) = classifier.predict([body["text"]])
        (found,) = answer.json()["predictions"]
        assert found["probabilities"] == pytest.approx(expected.probabilities, abs=1e-6)


def test_what_is_too_long_is_refused_or_cut_and_said(client, predictor):
    body = several([("a", "b"), (LONG, "b")])
    refused = client.post("/predict", json=body)
    (length,) = predictor.tokenizer.full_lengths([LONG], ["b"])
    assert refused.status_code == 422
    assert refused.json()["error"] == {
        "what": f"{length} tokens, the model takes 32",
        "where": "body.pairs[1]",
        "remedy": 'Shorten the text, or send "truncate": true to have its end cut.',
    }
    found = client.post("/predict", json={**body, "truncate": True}).json()["predictions"]
    assert [each["truncated"] for each in found] == [False, True]
    expected = predictor.predict([(LONG, "b")])[0].probabilities
    assert found[1]["probabilities"] == pytest.approx(expected, abs=1e-6)
    classes = {"texts": ["a", LONG], "labels": ["x", "y"]}
    assert client.post("/classify", json=classes).json()["error"]["where"] == "body.texts[1]"
    cut = client.post("/classify", json={**classes, "truncate": True}).json()["predictions"]
    assert [each["truncated"] for each in cut] == [False, True]


@pytest.mark.parametrize(
    ("page", "body", "status", "where", "what"),
    [
        ("predict", "{", 400, "body", "not JSON: Expecting property name"),
        ("predict", "", 422, "body", "field required"),
        ("predict", b'{"premise": "\xff", "hypothesis": "b"}', 400, "body",
         "byte 0xff at 13 is not UTF-8"),
        ("predict", "[" * 3900, 400, "body", "cannot be read"),
        ("predict", '{"premise": %s}' % ("9" * 5000), 400, "body", "cannot be read"),
        ("predict", [], 422, "body", "valid dictionary"),
        ("predict", None, 422, "body", "valid dictionary"),
        ("predict", {}, 422, "body.premise", "required (and 1 more)"),
        ("predict", {"premise": "a"}, 422, "body.hypothesis", "required"),
        ("predict", pair(hypothesis=3), 422, "body.hypothesis", "valid string"),
        ("predict", pair(truncate="yes"), 422, "body.truncate", "valid boolean"),
        ("predict", pair(premise="a\ud800"), 422, "body.premise", "character 1 is half of"),
        ("predict", several([("a", "b"), ("a", "\udfff")]), 422, "body.pairs[1].hypothesis",
         "half"),
        ("predict", pair(**{"\ud800": 1}), 422, "body", "valid string"),
        ("predict", {"pairs": [pair(**{"\ud800": 1})]}, 422, "body.pairs[0]", "valid string"),
        ("predict", json.dumps(pair()).encode("utf-16"), 400, "body", "not UTF-8"),
        ("predict", json.dumps(pair()).encode("utf-16-le"), 400, "body", "is in utf-16-le"),
        ("predict", json.dumps(pair()).encode("utf-32-be"), 400, "body", "is in utf-32-be"),
        ("predict", pair(other=1), 422, "body.other", "not permitted"),
        ("predict", {"pairs": []}, 422, "body.pairs", "at least 1"),
        ("predict", {"pairs": "ab"}, 422, "body.pairs", "valid list"),
        ("predict", {"pairs": [pair(), ["a", "b"]]}, 422, "body.pairs[1]", "valid dictionary"),
        ("predict", {"pairs": [pair(), pair(premise=None)]}, 422, "body.pairs[1].premise",
         "valid string"),
        ("predict", several(PAIRS[3:4] * 9), 422, "body.pairs", "9 pairs, at most 8"),
        ("predict", several([("a", "b"), ("a", "b" * 401)]), 422, "body.pairs[1].hypothesis",
         "401 characters, at most 400"),
        ("predict", pair("a" * 6000), 413, "body", "more than 6000 bytes"),
        ("classify", {"text": "a"}, 422, "body.labels", "required"),
        ("classify", {"labels": ["a"]}, 422, "body.text", "required"),
        ("classify", {"text": "a", "labels": []}, 422, "body.labels", "at least 1"),
        ("classify", {"text": "\ud83d", "labels": ["b"]}, 422, "body.text", "half"),
        ("classify", {"texts": ["a", "\ud83d"], "labels": ["b"]}, 422, "body.texts[1]", "half"),
        ("classify", {"text": "a", "labels": ["b", "\ude00"]}, 422, "body.labels[1]", "half"),
        ("classify", {"text": "a", "labels": ["b"], "template": "{}\ude00"}, 422, "body.template",
         "character 2 is half"),
        ("classify", {"text": "a", "labels": [1]}, 422, "body.labels[0]", "valid string"),
        ("classify", {"text": "a", "labels": ["b", "b"]}, 422, "body", "['b', 'b']"),
        ("classify", {"text": "a", "labels": [" "]}, 422, "body", "[' ']"),
        ("classify", {"text": "a", "labels": ["b"], "template": "c"}, 422, "body", "has no {}"),
        ("classify", {"texts": ["a"] * 3, "labels": ["b", "c", "d"]}, 422, "body", "9 pairs"),
        ("classify", {"text": "a" * 401, "labels": ["b"]}, 422, "body.text", "401 characters"),
        ("classify", {"text": "a", "labels": ["b" * 401]}, 422, "body.labels[0]", "401"),
        ("classify", {"text": "a", "labels": ["b"], "template": "{}" * 201}, 422, "body.template",
         "402 characters"),
    ],
)  # fmt: skip
def test_refusals(client, page, body, status, where, what):
    content = body if isinstance(body, str | bytes) else json.dumps(body)
    answer = client.post(f"/{page}", content=content, headers=JSON)
    refused(answer, status, where, what)


def refused(answer, status, where, what):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()) == {"error"}
    error = answer.json()["error"]
    assert set(error) == {"what", "where", "remedy"}
    assert error["where"] == where
    assert what in error["what"]
    assert error["remedy"].endswith((".", '."'))


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data",
             "application/json; charset=latin-1"],
)  # fmt: skip
def test_other_types_are_refused(client, kind):
    headers = {} if kind is None else {"Content-Type": kind}
    answer = client.post("/predict", content=json.dumps(pair()), headers=headers)
    refused(answer, 415, "header Content-Type", kind or "no type")


def test_the_type_may_name_its_encoding(client):
    headers = {"Content-Type": 'Application/JSON; charset="UTF-8"'}
    assert client.post("/predict", content=json.dumps(pair()), headers=headers).is_success


def test_a_mark_and_whole_surrogate_pairs_are_utf8(client):
    body = json.dumps({"text": "\U0001f600", "labels": ["\U0001f600", "b"]})  # \ud83d\ude00
    for content in (body.encode(), body.encode("utf-8-sig")):
        found = client.post("/classify", content=content, headers=JSON).json()["predictions"][0]
        assert set(found["probabilities"]) == {"\U0001f600", "b"}


def test_refusals_can_name_what_utf8_cannot_hold():
    error = RequestError(422, "what \ud800", "where \udfff", "remedy")
    assert json.loads(error.response().body)["error"]["what"] == "what \\ud800"
    assert json.loads(error.response().body)["error"]["where"] == "where \\udfff"


def test_no_answer_depends_on_the_host_that_is_named(client):
    headers = {"Host": "elsewhere.example"}
    for path in ("/predict/", "/classify/", "/metrics/", "/health/live/", "/docs/", "/page"):
        for send in (client.get, client.post):
            answer = send(path, headers=headers, follow_redirects=False)
            refused(answer, 404, path, "no such page")
            assert "elsewhere" not in str(answer.headers)


@pytest.mark.parametrize(
    "given", ["bytes=999999-", "bytes=5-1", "bytes=x", "lines=1-2", "bytes=0-9"]
)
@pytest.mark.parametrize("path", ["/", "/page/page.js", "/static-offline-docs/swagger-ui.css"])
def test_files_are_sent_whole(client, path, given):
    whole = client.get(path)
    answer = client.get(path, headers={"Range": given})
    assert (answer.status_code, answer.content) == (200, whole.content)


def test_pages_that_do_not_exist(client):
    refused(client.get("/nothing"), 404, "/nothing", "no such page")
    refused(client.get("/page/../../app.py"), 404, "/app.py", "no such page")
    answer = client.get("/predict")
    refused(answer, 405, "GET /predict", "this method")
    assert answer.headers["allow"] == "POST"


def test_a_body_without_a_length_is_counted(client):
    chunks = (b"a" * 1000 for _ in range(10))
    answer = client.post("/predict", content=chunks, headers=JSON)
    refused(answer, 413, "body", "more than 6000 bytes")


def test_a_key(application):
    with application(key="it's a secret") as app, TestClient(app) as client:
        for path, send in (("/predict", client.post), ("/classify", client.post),
                           ("/metrics", client.get)):  # fmt: skip
            answer = send(path)
            refused(answer, 401, "header Authorization", "a key is needed")
            assert answer.headers["www-authenticate"] == "Bearer"
            for wrong in ("Bearer other", "Basic it's a secret", "Bearer \xe9", "it's a secret"):
                headers = {"Authorization": wrong.encode("latin-1")}
                assert send(path, headers=headers).status_code == 401
        right = {"Authorization": "Bearer it's a secret"}
        assert client.post("/predict", json=pair(), headers=right).is_success
        assert client.get("/metrics", headers=right).is_success
        for path in ("/", "/health/live", "/health/ready", "/docs", "/openapi.json"):
            assert client.get(path).is_success
        described = client.get("/openapi.json").json()["paths"]
        assert described["/predict"]["post"]["security"] == [{"HTTPBearer": []}]
        assert "security" not in described["/health/live"]["get"]


def test_a_full_queue_answers_at_once(application, make_gate, predictor, at_once):
    gate = make_gate(predictor.runtime)

    async def steps(client):
        accepted = [asyncio.create_task(client.post("/predict", json=pair())) for _ in range(4)]
        while app.state.service.batcher.pending < 4:
            await asyncio.sleep(0.01)
        refusals = [await client.post("/predict", json=several())]
        refusals.append(await client.post("/classify", json={"text": "a", "labels": ["b", "c"]}))
        health = await client.get("/health/ready")
        gate.open()
        return refusals, health, await asyncio.gather(*accepted)

    with application(runtime=gate, waiting_pairs=5, request_pairs=5) as app:
        refusals, health, accepted = at_once(app, steps)
        for answer in refusals:
            refused(answer, 429, "server", "4 pairs wait, at most 5 may")
            assert int(answer.headers["retry-after"]) >= 1
        assert health.is_success
        assert [answer.status_code for answer in accepted] == [200] * 4
        assert app.state.service.batcher.pending == 0


def test_requests_that_wait_share_batches(application, make_gate, predictor, at_once):
    gate = make_gate(predictor.runtime)

    async def steps(client):
        sent = [client.post("/predict", json=pair(*PAIRS[n % 5])) for n in range(40)]
        tasks = [asyncio.create_task(each) for each in sent]
        while app.state.service.batcher.pending < 40:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)  # all are tokenized
        gate.open()
        return await asyncio.gather(*tasks)

    with application(runtime=gate, batch_tokens=128) as app:
        answers = at_once(app, steps)
    expected = predictor.predict(PAIRS)
    for number, answer in enumerate(answers):
        found = answer.json()["predictions"][0]["probabilities"]
        assert found == pytest.approx(expected[number % 5].probabilities, abs=1e-5)
    assert sum(count for count, _ in gate.shapes) == 40
    assert len(gate.shapes) < 20
    assert all(count * width <= 128 for count, width in gate.shapes)


def test_a_request_that_takes_too_long(application, make_gate, at_once):
    gate = make_gate()

    async def steps(client):
        return await client.post("/predict", json=pair())

    with application(runtime=gate, timeout=0.2) as app:
        refused(at_once(app, steps), 504, "server", "no answer within 0.2 s")
        assert app.state.service.batcher.pending == 0


def test_a_model_that_fails(application, caplog):
    class Faulty:
        def run(self, ids):
            raise RuntimeError("no kernel")

    with application(runtime=Faulty()) as app, TestClient(app) as client:
        answer = client.post("/predict", json=pair())
        refused(answer, 503, "server", "could not score")
        assert "no kernel" in caplog.text
        assert "no kernel" not in answer.text


def test_a_fault_of_the_server_tells_nothing(application, monkeypatch):
    with application() as app:
        monkeypatch.setattr(app.state.service, "predict", None)
        answer = TestClient(app, raise_server_exceptions=False).post("/predict", json=pair())
        refused(answer, 500, "/predict", "the server failed")
        assert "NoneType" not in answer.text


def test_health(client):
    assert client.get("/health/live").json() == {"status": "alive"}
    assert client.get("/health/ready").json() == {"status": "ready"}
    service = client.app.state.service
    service.healthy = lambda: False
    refused(client.get("/health/ready"), 503, "server", "being loaded")
    service.healthy, service.stopping = lambda: True, lambda: True
    refused(client.get("/health/ready"), 503, "server", "stopping")
    assert client.get("/health/live").is_success


def test_metrics_count(client):
    client.post("/predict", json=several())
    client.post("/predict", json=[])
    for number in range(3):
        client.get(f"/made/up/{number}")
    from prometheus_client.parser import text_string_to_metric_families

    families = text_string_to_metric_families(client.get("/metrics").text)
    samples = [sample for family in families for sample in family.samples]

    def value(name, **labels):
        return sum(
            x.value for x in samples if x.name == name and labels.items() <= x.labels.items()
        )

    assert value("infoxlm_requests_total", page="/predict", status="200") == 1
    assert value("infoxlm_requests_total", page="/predict", status="422") == 1
    assert value("infoxlm_requests_total", page="other", status="404") == 3
    assert value("infoxlm_request_seconds_count", page="/predict") == 2
    assert value("infoxlm_batch_pairs_sum") == len(PAIRS)
    assert value("infoxlm_computing_seconds_total") > 0
    assert value("infoxlm_pending_pairs") == 0
    tokens = client.app.state.service.predictor.encode(PAIRS).token_ids.lengths.sum()
    assert value("infoxlm_tokens_total", kind="text") == np.sum(tokens)


def test_stopping_answers_what_was_accepted(application, make_gate, predictor, at_once):
    gate = make_gate(predictor.runtime)

    async def steps(client):
        tasks = [asyncio.create_task(client.post("/predict", json=pair())) for _ in range(9)]
        while app.state.service.batcher.pending < 9:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        closing = asyncio.create_task(asyncio.to_thread(app.state.service.batcher.close))
        await asyncio.sleep(0.05)
        gate.open()
        await closing
        return await asyncio.gather(*tasks)

    with application(runtime=gate) as app:
        assert [answer.status_code for answer in at_once(app, steps)] == [200] * 9
