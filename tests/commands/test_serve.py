"""The command as its user starts it, in a process of its own, with an ONNX model."""

import asyncio
import contextlib
import json
import logging
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest

from infoxlm.errors import UserError

pytest.importorskip("fastapi_offline")

BODY = {"pairs": [{"premise": f"the cat {n}", "hypothesis": "a dog"} for n in range(200)]}


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory):
    pytest.importorskip("onnxruntime")
    from infoxlm.deploy.export import ExportOptions, export_model

    folder = tmp_path_factory.mktemp("serve") / "exported"
    export_model(trained.folder, folder, ExportOptions(onnx=True))
    return folder


@pytest.fixture
def start(exported, tmp_path):
    """Starts a server on a port that is free; gives the process and the URL it names."""
    started = []

    def server(*words, **environment):
        command = [
            *(sys.executable, "-m", "infoxlm", "serve", f"model.checkpoint={exported}"),
            *("runtime=onnx", "port=0", "hardware.threads=1", *words),
        ]
        process = subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
            env={**os.environ, **environment},
        )  # fmt: skip
        started.append(process)
        lines = []
        for line in process.stderr:
            lines.append(line)
            if found := re.search(r"served at (http://\S+) \(Ctrl-C", line):
                return process, found[1], lines
        raise AssertionError("".join(lines))

    yield server
    for process in started:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.fixture
def client():
    import httpx

    # Not through a proxy of the environment.
    with httpx.Client(trust_env=False, timeout=30) as client:
        yield client


def test_it_answers_as_predict_does_and_stops(start, client, exported, tmp_path):
    from infoxlm.deploy import Predictor

    process, url, _ = start("workers=2")
    found = client.post(f"{url}/predict", json=BODY).json()["predictions"]
    pairs = [(each["premise"], each["hypothesis"]) for each in BODY["pairs"]]
    expected = Predictor.load(exported, runtime="onnx").predict(pairs)
    for one, other in zip(found, expected, strict=True):
        assert one["probabilities"] == pytest.approx(other.probabilities, abs=1e-5)
    assert client.get(url).text.startswith("<!doctype html>")
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert process.stderr.read() == "infoxlm: stopped\n"
    assert list(tmp_path.iterdir()) == []


def test_sigterm_under_load_loses_nothing(start, client):
    """Requests that were being computed or waiting are answered; then nothing listens any more."""
    import httpx

    process, url, _ = start("batch_tokens=64", "waiting_pairs=4096")

    async def load():
        limits = httpx.Limits(max_connections=20)
        async with httpx.AsyncClient(trust_env=False, timeout=60, limits=limits) as many:
            sent = [asyncio.create_task(many.post(f"{url}/predict", json=BODY)) for _ in range(15)]
            while not (await pending(many)) >= 200 * 15:
                await asyncio.sleep(0.01)
            process.send_signal(signal.SIGTERM)
            return await asyncio.gather(*sent)

    async def pending(many):
        return read((await many.get(f"{url}/metrics")).text, "infoxlm_pending_pairs")

    answers = asyncio.run(load())
    assert [answer.status_code for answer in answers] == [200] * 15
    assert {len(answer.json()["predictions"]) for answer in answers} == {200}
    assert process.wait(20) == 143
    assert process.stderr.read() == "infoxlm: stopped\n"
    with pytest.raises(httpx.ConnectError):
        client.get(url)


def computing(server):
    """The processes that compute, of a server's process."""
    children = psutil.Process(server.pid).children()
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


def test_a_process_that_computes_and_is_killed(start, client):
    process, url, _ = start()
    for child in computing(process):
        child.kill()
    assert client.post(f"{url}/predict", json=BODY).status_code == 200


def test_an_idle_server_heals(start, client):
    """It is ready while any process is, and again soon after the last was killed, unasked."""
    process, url, _ = start("workers=2")

    def ready():
        return client.get(f"{url}/health/ready").status_code

    def workers():
        return read(client.get(f"{url}/metrics").text, "infoxlm_ready_workers")

    computing(process)[0].kill()
    wait_until(lambda: workers() == 1)
    assert ready() == 200
    for child in computing(process):
        child.kill()
    wait_until(lambda: ready() == 503)
    wait_until(lambda: ready() == 200)
    wait_until(lambda: workers() == 2)


def test_connections_are_limited(start, client):
    """Many that ask for nothing, and the server still answers; its log stays short."""
    words = ("connections=20", "client_connections=20", "head_timeout=60", "idle_timeout=60")
    process, url, _ = start(*words)
    address = url.removeprefix("http://").split(":")
    with contextlib.ExitStack() as stack:
        for _ in range(500):
            stack.enter_context(socket.create_connection((address[0], int(address[1]))))
        text = client.get(f"{url}/metrics").text
    assert read(text, "infoxlm_connections") == 20
    assert read(text, 'infoxlm_closed_connections_total{reason="room"}') >= 480
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 143
    assert "as many as may be: the one that waits longest is closed" in (
        log := process.stderr.read()
    )
    assert len(log.splitlines()) < 20


def read(metrics, name):
    """A number of the metrics."""
    return float(re.search(rf"^{re.escape(name)} (\S+)", metrics, re.MULTILINE)[1])


def wait_until(holds, seconds=60):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_key_out_of_the_environment(start, client):
    _, url, lines = start("host=0.0.0.0", INFOXLM_API_KEY="it's, [secret]=1")
    url = url.replace("0.0.0.0", "127.0.0.1")
    assert client.post(f"{url}/predict", json=BODY).status_code == 401
    headers = {"Authorization": "Bearer it's, [secret]=1"}
    assert client.post(f"{url}/predict", json=BODY, headers=headers).status_code == 200
    assert "whoever" not in "".join(lines)


def test_an_open_address_without_a_key_is_remarked_upon(start):
    _, _, lines = start("host=0.0.0.0")
    assert "host=0.0.0.0 and no api_key: whoever reaches this may use it" in "".join(lines)


def odd_labels(exported, tmp_path):
    """The same model with a label that JSON can spell and UTF-8 cannot hold."""
    folder = shutil.copytree(exported, tmp_path / "odd")
    (folder / "manifest.json").unlink()
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["id2label"]["0"] = "a\ud800"
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def test_mistakes(compose, exported, tmp_path, monkeypatch, caplog):
    from infoxlm.commands import serve

    def run(*words):
        with caplog.at_level(logging.INFO):
            serve.run(compose("serve", *words), "")

    with pytest.raises(UserError, match="model.checkpoint is not set"):
        run("port=0")
    with pytest.raises(UserError, match="does not exist"):
        run("model.checkpoint=missing", "port=0")
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        pytest.raises(UserError, match="cannot be listened on"),
    ):
        run(f"model.checkpoint={exported}", f"port={other.getsockname()[1]}")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with pytest.raises(UserError, match="connections=100000000 take 2000.* open files.*at most"):
        run(f"model.checkpoint={exported}", "port=0", "connections=100000000")
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (soft, hard)
    with pytest.raises(UserError, match="half a character"):
        run(f"model.checkpoint={odd_labels(exported, tmp_path)}", "port=0")
    with pytest.raises(UserError, match="max_length=1000, but"):
        run(f"model.checkpoint={exported}", "max_length=1000", "port=0")
    monkeypatch.setitem(sys.modules, "infoxlm.serve.app", None)
    with pytest.raises(UserError, match=r'packages that are not installed.*infoxlm\[serve\]"'):
        run(f"model.checkpoint={exported}", "port=0")


@pytest.mark.parametrize(
    ("word", "problem"),
    [
        ("port=65536", "port=65536 is out of range"),
        ("workers=0", "workers=0 is out of range"),
        ("timeout=0", "timeout=0.0 is out of range"),
        ("timeout=inf", "timeout=inf is out of range"),
        ("batch_tokens=0", "batch_tokens=0"),
        ("connections=0", "connections=0 is out of range"),
        ("client_connections=0", "client_connections=0 is out of range"),
        ("head_timeout=0", "head_timeout=0.0 is out of range"),
        ("body_timeout=inf", "body_timeout=inf is out of range"),
        ("idle_timeout=-1", "idle_timeout=-1.0 is out of range"),
        ("waiting_pairs=255", "waiting_pairs=255.*at least request_pairs=256"),
        ("api_key=''", "api_key is empty"),
        ("api_key='ключ'", "no header can carry"),
    ],
)
def test_settings_out_of_range(compose, word, problem):
    with pytest.raises(UserError, match=problem):
        compose("serve", "model.checkpoint=a", word)
