import time

import numpy as np
import pytest

from infoxlm.tracking.visualdl_writer import LOG_FILE, VisualDLWriter, principal_components


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


def curve(folder, tag):
    """Step, value and time in seconds of each point; nothing when there is no such curve."""
    if tag not in read(folder).get_tags().get("scalar", []):
        return []
    return [
        (point.id, point.value, point.timestamp / 1000)
        for point in read(folder).get_data("scalar", tag)
    ]


def test_curves_continue_without_gap_or_double(tmp_path, capsys):
    with VisualDLWriter(tmp_path, "a run") as writer:
        for step in range(1, 6):
            writer.scalars(step, {"train/loss": step, "train/norm": 2.0})
        writer.hyperparameters({"seed": 1}, {"test/average": 0.5}, step=5)
    with (tmp_path / LOG_FILE).open("ab") as log:
        log.write(b"\x40\x00\x00\x00\x00\x00\x00\x00cut off")
    logged = [
        {"step": 1, "time": 1_800_000_000.125, "train/loss": 0.5, "train/norm": None},
        {"step": 2, "time": 1_800_000_007.001, "train/loss": 0.25, "train/norm": 3.0},
        {"step": 2, "time": 1_800_000_011.999, "dev/accuracy/en": 0.75},
    ]
    before = time.time()
    with VisualDLWriter(tmp_path, "a run", logged) as writer:
        writer.scalars(3, {"train/loss": 0.125})
    loss = curve(tmp_path, "train/loss")
    assert loss[:2] == [(1, 0.5, 1_800_000_000.125), (2, 0.25, 1_800_000_007.001)]
    assert loss[2][:2] == (3, 0.125)
    assert before - 1 < loss[2][2] < time.time() + 1
    assert curve(tmp_path, "train/norm") == [(2, 3.0, 1_800_000_007.001)]
    assert curve(tmp_path, "dev/accuracy/en") == [(2, 0.75, 1_800_000_011.999)]
    assert "test/average" not in read(tmp_path).get_tags()["scalar"]
    assert not read(tmp_path).get_tags().get("hyper_parameters")
    assert [path.name for path in tmp_path.iterdir()] == [LOG_FILE]
    assert capsys.readouterr().out == ""


def test_a_new_run_s_curves_begin_with_nothing(tmp_path):
    for value in (1.0, 2.0):
        with VisualDLWriter(tmp_path, "a run") as writer:
            writer.scalars(1, {"train/loss": value})
    assert [point[:2] for point in curve(tmp_path, "train/loss")] == [(1, 2.0)]


def test_embeddings_keep_their_distances(tmp_path):
    vectors = np.random.default_rng(0).normal(size=(30, 80)).astype(np.float32)
    labels = {"language": ["de", "en"] * 15, "sentence": [f"number\t{i}" for i in range(30)]}
    with VisualDLWriter(tmp_path, "a run") as writer:
        writer.embeddings("tatoeba/layer_7", vectors, labels)
    (record,) = read(tmp_path).get_data("embeddings", "tatoeba/layer_7")
    assert list(record.embeddings.label_meta) == ["language", "sentence"]
    points = record.embeddings.embeddings
    assert [tuple(point.label) for point in points] == list(zip(*labels.values(), strict=True))
    stored = np.array([point.vectors for point in points])
    assert stored.shape == (30, 30)  # no more components than vectors
    np.testing.assert_allclose(stored.mean(axis=0), 0, atol=1e-5)
    for i in range(30):
        expected = np.linalg.norm(vectors - vectors[i], axis=1)
        np.testing.assert_allclose(np.linalg.norm(stored - stored[i], axis=1), expected, atol=1e-4)


def test_of_many_components_those_are_stored_that_vary_most():
    scale = 1 / np.arange(1, 101)
    vectors = (np.random.default_rng(1).normal(size=(400, 100)) * scale).astype(np.float32)
    stored = principal_components(vectors, 50)
    assert stored.shape == (400, 50)
    spread = stored.std(axis=0)
    assert (np.diff(spread) <= 1e-6).all()
    assert spread[0] == pytest.approx(1, abs=0.15)
