import pytest

from infoxlm.tracking.visualdl_writer import LOG_FILE, VisualDLWriter


def read(folder):
    from visualdl import LogReader

    return LogReader(file_path=str(folder / LOG_FILE))


def points(folder, tag):
    return [
        (point.id, pytest.approx(point.value)) for point in read(folder).get_data("scalar", tag)
    ]


def test_scalars_are_read_back(tmp_path):
    with VisualDLWriter(tmp_path / "vdl", "a run") as writer:
        writer.scalars(1, {"train/loss": 1.5, "dev/accuracy/en": 0.25})
        writer.scalars(2, {"train/loss": 0.5})
    assert points(tmp_path / "vdl", "train/loss") == [(1, 1.5), (2, 0.5)]
    assert points(tmp_path / "vdl", "dev/accuracy/en") == [(1, 0.25)]
    (meta,) = read(tmp_path / "vdl").get_data("meta_data", "meta_data_tag")
    assert meta.meta_data.display_name == "a run"


def test_hyperparameters(tmp_path):
    config = {
        "optimizer.learning_rate": 1e-5,
        "seed": 2**40,
        "model.recompute": True,
        "data.train_languages": ["en", "fr"],
        "trainer.patience": None,
        "model.name": "tiny",
    }
    with VisualDLWriter(tmp_path, "a run") as writer:
        writer.hyperparameters(config, {"test/average": 0.75}, step=80)
    (record,) = read(tmp_path).get_data("hyper_parameters", "hparam")
    stored = {
        info.name: getattr(info, info.WhichOneof("type")) for info in record.hparam.hparamInfos
    }
    assert stored == {
        "optimizer/learning_rate": 1e-5,
        "seed": 2**40,
        "model/recompute": "True",
        "data/train_languages": "['en', 'fr']",
        "trainer/patience": "None",
        "model/name": "tiny",
    }
    assert [info.name for info in record.hparam.metricInfos] == ["test/average"]
    assert points(tmp_path, "test/average") == [(80, 0.75)]


def test_resume_goes_on_in_one_file_without_doubled_steps(tmp_path, capsys):
    with VisualDLWriter(tmp_path, "a run") as writer:
        for step in range(1, 6):
            writer.scalars(step, {"train/loss": step})
    with (tmp_path / LOG_FILE).open("ab") as log:
        log.write(b"\x40\x00\x00\x00\x00\x00\x00\x00cut off")
    with VisualDLWriter(tmp_path, "a run", resume_step=3) as writer:
        writer.scalars(4, {"train/loss": 40})
    assert points(tmp_path, "train/loss") == [(1, 1), (2, 2), (3, 3), (4, 40)]
    assert [path.name for path in tmp_path.iterdir()] == [LOG_FILE]
    assert capsys.readouterr().out == ""
