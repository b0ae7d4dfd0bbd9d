"""Requests that schemathesis makes up after the server's own description; slow."""

from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings

pytest.importorskip("schemathesis")

#: Nothing here fills the queue, fails or takes long.
UNEXPECTED = {500, 429, 503, 504}


@pytest.fixture
def answers(application):
    """Makes up requests of one kind for every page; gives the statuses of the answers."""
    return collector(application)


@pytest.fixture
def answers_to_questions(answering):
    """The same of a model that answers questions and may find no answer."""
    return collector(partial(answering, {"unanswerable": "keep"}))


def collector(application):
    """Make up requests for an application; gives a function of their mode and the key."""
    import schemathesis
    from schemathesis.checks import CHECKS
    from schemathesis.specs.openapi import checks

    checked = [
        CHECKS.get_one("not_a_server_error"),
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_headers_conformance,
        checks.response_schema_conformance,
    ]

    def fuzz(operation, mode, headers):
        statuses = set()

        @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
        @given(operation.as_strategy(generation_mode=schemathesis.GenerationMode(mode)))
        def send(case):
            answer = case.call(headers=headers)
            statuses.add(answer.status_code)
            extra = [checks.negative_data_rejection] if mode == "negative" else []
            case.validate_response(answer, checks=checked + extra, headers=headers)

        send()
        return statuses

    def collect(mode, key):
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        with application(key=key, text_characters=200, request_pairs=20) as app:
            schema = schemathesis.openapi.from_asgi("/openapi.json", app)
            operations = [found.ok() for found in schema.get_all_operations()]
            return {
                operation.path: fuzz(operation, mode, headers)
                for operation in operations
                # A GET has nothing in it that could be wrong.
                if mode == "positive" or operation.method == "post"
            }

    return collect


@pytest.mark.slow
@pytest.mark.parametrize("key", [None, "secret"])
def test_requests_that_fit_the_description(answers, key):
    found = answers("positive", key)
    assert set(found) == {"/predict", "/classify", "/metrics", "/health/live", "/health/ready"}
    # What fits it may still be too long for the model, or a template lack its {}.
    assert {200} <= found["/predict"] <= {200, 422}
    assert {200} <= found["/classify"] <= {200, 422}
    assert found["/metrics"] == found["/health/live"] == found["/health/ready"] == {200}


@pytest.mark.slow
def test_requests_that_do_not_fit(answers):
    found = answers("negative", None)
    assert set(found) == {"/predict", "/classify"}
    for statuses in found.values():
        assert 422 in statuses
        assert not statuses & (UNEXPECTED | {200})


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_requests_with_questions(answers_to_questions, mode):
    found = answers_to_questions(mode, None)
    assert "/classify" not in found
    assert not found["/predict"] & UNEXPECTED
    assert (200 in found["/predict"]) is (mode == "positive")
