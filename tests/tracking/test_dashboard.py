import json
import socket
import urllib.parse
import urllib.request

import pytest

from infoxlm.errors import UserError
from infoxlm.tracking.dashboard import dashboard
from infoxlm.tracking.visualdl_writer import VisualDLWriter


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def runs(tmp_path):
    for name, rate in (("first", 1e-5), ("second", 2e-5)):
        with VisualDLWriter(tmp_path / name / "vdl", name) as writer:
            writer.scalars(1, {"train/loss": 0.5})
            writer.hyperparameters({"optimizer.learning_rate": rate}, {"test/average": rate * 1e4})
    return tmp_path


def test_folder_without_runs(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    for name, problem in (
        ("absent", "does not exist"),
        ("file", "is a file"),
        ("empty", "holds no VisualDL log"),
    ):
        with (
            pytest.raises(UserError, match=f"{name} {problem}"),
            dashboard(tmp_path / name, port=free_port()),
        ):
            pass


def test_runs_behind_links_are_found(runs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("linked")
    (folder / "mine").symlink_to(runs / "first")
    with socket.socket() as taken:  # the logs are found: it is the port that is refused
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match="cannot be listened on"), dashboard(folder, port=port):
            pass


def test_a_log_that_cannot_be_read_is_named(runs):
    (log,) = (runs / "second").rglob("*vdlrecords*")
    log.write_bytes(log.read_bytes()[:-3])  # its last record was cut
    with (
        pytest.raises(UserError, match=f"not start: {log} cannot be read.*see the other runs"),
        dashboard(runs, port=free_port()),
    ):
        pytest.fail("started")
    log.unlink()
    (runs / "first" / "vdlrecords.log").symlink_to(runs / "missing")
    (runs / "first" / "vdlrecords.of.a.folder").mkdir()
    with (
        pytest.raises(UserError, match="first/vdlrecords.log cannot be read"),
        dashboard(runs, port=free_port()),
    ):
        pytest.fail("started")


def test_an_address_that_cannot_be_had(runs):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(UserError, match=f"port={port} cannot be .* in use.*another port"),
            dashboard(runs, port=port),
        ):
            pytest.fail("started")
    with (
        pytest.raises(UserError, match="^host=999.1.1.1 is no address here .*Give another.$"),
        dashboard(runs, host="999.1.1.1", port=port),
    ):
        pytest.fail("started")


@pytest.mark.slow
def test_server_shows_runs_and_their_hyperparameters(runs):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with dashboard(runs, port=free_port()) as (url, server):

        def get(path, **query):
            with opener.open(f"{url}/api/{path}?{urllib.parse.urlencode(query)}") as answer:
                return json.load(answer)["data"]

        assert sorted(get("runs")) == ["first", "second"]
        assert [point[1:] for point in get("scalar/list", run="first", tag="train/loss")] == [
            [1, 0.5]
        ]
        trials = {trial["name"]: trial for trial in get("hparams/list")}
        second = trials[str(runs / "second" / "vdl")]
        assert second["hparams"] == {"optimizer/learning_rate": 2e-5}
        assert second["metrics"] == {"test/average": pytest.approx(0.2)}
        with opener.open(url) as page:
            assert page.status == 200
    assert server.poll() is not None
