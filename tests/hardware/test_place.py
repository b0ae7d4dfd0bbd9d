import pytest

from infoxlm.errors import UserError
from infoxlm.hardware.place import ProcessInfo, check_devices, words_of_rank


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("PADDLE_TRAINERS_NUM", "PADDLE_TRAINER_ID", "PADDLE_LOCAL_SIZE"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_alone_without_a_launcher():
    assert ProcessInfo.of_this_process() == ProcessInfo(0, 1, 1)


def test_what_is_written_is_read(environment):
    place = ProcessInfo(2, 4, 2)
    written = place.environment("127.0.0.1:65534", "gpu")
    for name, value in written.items():
        environment.setenv(name, value)
    assert ProcessInfo.of_this_process() == place
    endpoints = written["PADDLE_TRAINER_ENDPOINTS"].split(",")
    assert len(set(endpoints)) == 4
    assert endpoints[2] == written["PADDLE_CURRENT_ENDPOINT"]
    assert written["FLAGS_selected_gpus"] == "2"
    assert place.environment("127.0.0.1:1", "cpu")["PADDLE_DISTRI_BACKEND"] == "gloo"


def test_only_rank_0_has_a_folder():
    words = ["seed=1", "hydra.run.dir=there"]
    assert words_of_rank(words, 0) == words
    assert "hydra.run.dir=there" not in words_of_rank(words, 1)
    assert "hydra/output=none" in words_of_rank(words, 1)


def test_commands_that_compute_on_one_device(environment):
    check_devices("train", 2)
    check_devices("evaluate", 1)
    with pytest.raises(UserError, match="evaluate on several devices"):
        check_devices("evaluate", 2)
    environment.setenv("PADDLE_TRAINERS_NUM", "2")
    environment.setenv("PADDLE_TRAINER_ID", "0")
    with pytest.raises(UserError, match="predict on several devices"):
        check_devices("predict", 1)
