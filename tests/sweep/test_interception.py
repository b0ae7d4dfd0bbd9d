import pytest
from omegaconf import OmegaConf

from infoxlm.sweep.interception import renew_exchange


@pytest.mark.parametrize("resumed", [False, True])
def test_submitit_of_a_resumed_sweep_has_a_new_folder(resumed, tmp_path):
    usual = "${hydra.sweep.dir}/.submitit/%j"
    config = OmegaConf.create(
        {"hydra": {"sweep": {"dir": str(tmp_path)}, "launcher": {"submitit_folder": usual}}}
    )
    if resumed:
        (tmp_path / "sweep.json").touch()
    folders = set()
    for _ in range(2):
        renew_exchange(config)
        folders.add(config.hydra.launcher.submitit_folder)
    assert len(folders) == (2 if resumed else 1)
    assert all(name.startswith(f"{tmp_path}/.submitit/") for name in folders)
    assert all(name.endswith("/%j") for name in folders)


def test_other_launchers_have_none(tmp_path):
    config = OmegaConf.create({"hydra": {"sweep": {"dir": str(tmp_path)}, "launcher": {}}})
    (tmp_path / "sweep.json").touch()
    renew_exchange(config)
    assert config.hydra.launcher == {}
