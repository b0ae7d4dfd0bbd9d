from omegaconf import OmegaConf

from infoxlm.sweep.interception import renew_exchange


def test_submitit_gets_another_folder_each_time(tmp_path):
    launcher = {"submitit_folder": "${hydra.sweep.dir}/.submitit/%j"}
    config = OmegaConf.create({"hydra": {"sweep": {"dir": str(tmp_path)}, "launcher": launcher}})
    folders = set()
    for _ in range(3):
        renew_exchange(config)
        folders.add(config.hydra.launcher.submitit_folder)
    assert len(folders) == 3
    assert all(name.startswith(f"{tmp_path}/.submitit/") for name in folders)
    assert all(name.endswith("/%j") for name in folders)


def test_other_launchers_have_none(tmp_path):
    config = OmegaConf.create({"hydra": {"sweep": {"dir": str(tmp_path)}, "launcher": {}}})
    renew_exchange(config)
    assert config.hydra.launcher == {}
