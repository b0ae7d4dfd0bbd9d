import json
import re
from pathlib import Path

import pytest

import infoxlm.serve
import infoxlm.tasks
from infoxlm.data.xnli import LANGUAGES
from infoxlm.tasks.classification.inference import ModelInference

TASKS = Path(infoxlm.tasks.__file__).parent
PAGE = TASKS / "classification" / "page"
PAGES = [PAGE, TASKS / "question_answering" / "page"]
COMMON = Path(infoxlm.serve.__file__).parent / "page"


@pytest.fixture
def client(application):
    from fastapi.testclient import TestClient

    with application() as app, TestClient(app) as client:
        yield client


def test_the_page_loads_nothing_from_elsewhere(client):
    answer = client.get("/")
    assert answer.headers["content-security-policy"].startswith("default-src 'self'")
    loaded = re.findall(r'(?:src|href)="([^"]+)"', answer.text)
    assert {"/page/page.js", "/page/style.css", "/common/common.css", "/docs"} <= set(loaded)
    for path in (*loaded, *imported(client.get("/page/page.js").text)):
        assert client.get(path).is_success


def imported(script):
    return re.findall(r'^import .* from "([^"]+)";$', script, re.MULTILINE)


@pytest.mark.parametrize("folder", [*PAGES, COMMON], ids=lambda folder: folder.parent.name)
def test_files_of_pages_name_nothing_elsewhere(folder):
    for file in folder.iterdir():
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|//[a-z]", text.replace("// ", "")), file
        # The policy forbids both, so that they would not work.
        assert not re.search(r"<script>|<style>| style=| on\w+=", text), file


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


@pytest.mark.parametrize("folder", PAGES, ids=lambda folder: folder.parent.name)
def test_the_script_asks_for_what_the_page_has(folder):
    script = (folder / "page.js").read_text(encoding="utf-8")
    common = (COMMON / "common.js").read_text(encoding="utf-8")
    page = (folder / "index.html").read_text(encoding="utf-8")
    wanted = set(re.findall(r'\b(?:at|fill)\("([\w-]+)"', script + common))
    followed = re.search(r"follow\(\[(.*?)\]", script)
    wanted |= set(re.findall(r'"(\w+)"', followed[1]))
    assert wanted <= set(re.findall(r'id="([\w-]+)"', page))


@pytest.mark.parametrize("folder", PAGES, ids=lambda folder: folder.parent.name)
def test_scripts_import_what_the_common_one_exports(folder):
    script = (folder / "page.js").read_text(encoding="utf-8")
    common = (COMMON / "common.js").read_text(encoding="utf-8")
    (names,) = re.findall(r'^import {(.*)} from "/common/common.js";$', script, re.MULTILINE)
    exported = re.findall(r"^export (?:async )?(?:function|const) (\w+)", common, re.MULTILINE)
    assert {name.strip() for name in names.split(",")} <= set(exported)


def test_the_documentation_loads_nothing_from_elsewhere(client):
    text = client.get("/docs").text
    for path in re.findall(r'(?:src|href)="([^"]+)"', text):
        assert path.startswith("/"), path
        assert client.get(path).is_success
