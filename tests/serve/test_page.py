import json
import re
from pathlib import Path

import pytest

import infoxlm.tasks.classification
from infoxlm.data.xnli import LANGUAGES
from infoxlm.tasks.classification.inference import ModelInference

PAGE = Path(infoxlm.tasks.classification.__file__).parent / "page"


@pytest.fixture
def client(application):
    from fastapi.testclient import TestClient

    with application() as app, TestClient(app) as client:
        yield client


def test_the_page_loads_nothing_from_elsewhere(client):
    answer = client.get("/")
    assert answer.headers["content-security-policy"].startswith("default-src 'self'")
    loaded = re.findall(r'(?:src|href)="([^"]+)"', answer.text)
    assert {"/page/page.js", "/page/style.css", "/docs"} <= set(loaded)
    for path in loaded:
        assert client.get(path).is_success
    for file in PAGE.iterdir():
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|//[a-z]", text.replace("// ", "")), file
    # The policy forbids both, so that they would not work.
    assert not re.search(r"<script>|<style>| style=| on\w+=", answer.text)


def test_an_example_in_each_language(client, predictor):
    examples = client.get("/page/examples.json").json()
    assert [each["language"] for each in examples] == sorted(LANGUAGES)
    assert len({each["premise"] for each in examples}) == len(LANGUAGES)
    assert json.loads((PAGE / "examples.json").read_text(encoding="utf-8")) == examples
    for each in examples:
        assert set(each) == {"language", "name", "premise", "hypothesis"}
        assert 5 < len(each["premise"]) < 80
        assert 5 < len(each["hypothesis"]) < 80


@pytest.mark.parametrize(
    ("labels", "heading", "examples"),
    [
        (("entailment", "neutral", "contradiction"), "Does it follow?", "examples.json"),
        (("not_paraphrase", "paraphrase"), "Do they say the same?", "paraphrases.json"),
        (("red", "a<b", "blue"), "Which label?", "examples.json"),
    ],
)
def test_the_page_asks_what_the_labels_answer(labels, heading, examples):
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    from infoxlm.serve.app import front_page

    app = FastAPI()
    inference = ModelInference({"id2label": dict(zip("012", labels, strict=False))})
    app.include_router(front_page(PAGE, inference.page_words))
    text = TestClient(app).get("/").text
    assert f"<h1>{heading}</h1>" in text
    assert f'data-file="{examples}"' in text
    assert (PAGE / examples).exists()
    assert "{{" not in text
    assert ("premise is true" in text) is ("neutral" in labels)
    assert ("red, a&lt;b or blue" in text) is ("red" in labels)


def test_the_script_asks_for_what_the_page_has():
    script = (PAGE / "page.js").read_text(encoding="utf-8")
    page = (PAGE / "index.html").read_text(encoding="utf-8")
    wanted = set(re.findall(r'at\("([\w-]+)"\)', script))
    assert wanted <= set(re.findall(r'id="([\w-]+)"', page))


def test_the_documentation_loads_nothing_from_elsewhere(client):
    text = client.get("/docs").text
    for path in re.findall(r'(?:src|href)="([^"]+)"', text):
        assert path.startswith("/"), path
        assert client.get(path).is_success
