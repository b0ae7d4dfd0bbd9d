import json

import numpy as np
import pytest

from infoxlm.commands import evaluate
from infoxlm.errors import UserError
from infoxlm.evaluate.predictions import read_predictions

FEW = ("data=sample", "data.limit_eval=6", "data.max_length=32")


def read(folder):
    return json.loads((folder / "results.json").read_text())


def test_run_folder_gives_what_training_reported(trained, compose, tmp_path):
    config = compose("evaluate", f"model.checkpoint={trained.folder}", *FEW)
    average = evaluate.run(config, tmp_path)
    before, after = read(trained.folder), read(tmp_path)
    for key in ("accuracy", "average", "gap", "confusion", "examples"):
        assert after["test"][key] == before["test"][key]
    assert average == before["test"]["average"]
    expected = read_predictions(trained.folder / "predictions.jsonl")
    found = read_predictions(tmp_path / "predictions.jsonl")
    for column in ("languages", "rows"):
        np.testing.assert_array_equal(getattr(found, column), getattr(expected, column))
    for column in ("label", "predicted"):
        assert found.columns[column] == expected.columns[column]
    one, other = (each.columns["probabilities"] for each in (found, expected))
    np.testing.assert_allclose(one, other, atol=1e-6)
    assert after["task"] == "evaluate"
    assert after["evaluate"]["pairs_per_second"] > 0
    for name in ("results.md", "results.png", "run.json", "metrics.jsonl"):
        assert (tmp_path / name).stat().st_size > 100


def test_a_static_graph_scores_the_same(trained, compose, tmp_path):
    found = {}
    for value in ("true", "false", "null"):
        folder = tmp_path / value
        words = (f"model.checkpoint={trained.folder}", f"static_graph={value}", *FEW)
        evaluate.run(compose("evaluate", *words), folder)
        found[value] = np.array(
            read_predictions(folder / "predictions.jsonl").columns["probabilities"]
        )
        assert not list(folder.glob(".static_graph*"))
    assert np.abs(found["true"] - found["false"]).max() < 1e-5
    np.testing.assert_array_equal(found["null"], found["false"])  # too few pairs to pay


def test_a_static_graph_is_for_cpus(compose):
    words = ("model.checkpoint=x", "static_graph=true", "hardware=gpu")
    with pytest.raises(UserError, match="static_graph=true with hardware.device=gpu"):
        compose("evaluate", *words)


def test_dev_split_of_some_languages(trained, compose, tmp_path):
    config = compose(
        "evaluate", f"model.checkpoint={trained.folder / 'checkpoints' / 'best'}", "split=dev",
        "data.eval_languages=[sw,en]", *FEW,
    )  # fmt: skip
    evaluate.run(config, tmp_path)
    expected = read(trained.folder)["dev"]["accuracy"]
    assert read(tmp_path)["dev"]["accuracy"] == {x: expected[x] for x in ("en", "sw")}
    assert "test" not in read(tmp_path)


def test_encoder_without_a_head(tiny_model, sentencepiece_file, compose, tmp_path):
    from infoxlm import InfoXLMTokenizer

    tiny_model("InfoXLMModel", id2label=None).save_pretrained(tmp_path / "encoder")
    InfoXLMTokenizer(sentencepiece_file).save_pretrained(tmp_path / "encoder")
    config = compose("evaluate", f"model.checkpoint={tmp_path / 'encoder'}", *FEW)
    with pytest.raises(UserError, match="holds an encoder without a classifier"):
        evaluate.run(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_random_weights_are_not_evaluated(compose, tmp_path):
    with pytest.raises(UserError, match="model.checkpoint is not set"):
        evaluate.run(compose("evaluate", "model=tiny", *FEW), tmp_path / "run")


def test_language_that_is_missing(trained, compose, tmp_path):
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "en.tsv").write_text("premise\thypothesis\tlabel\na\tb\tneutral\n")
    config = compose(
        "evaluate", f"model.checkpoint={trained.folder}", f"data.root={tmp_path}",
        "data.eval_languages=[en,de]",
    )  # fmt: skip
    with pytest.raises(UserError, match="no test pairs in de.*data.eval_languages"):
        evaluate.run(config, tmp_path / "run")


def test_a_checkpoint_knows_its_length_and_its_encoder(trained, compose, tmp_path):
    overrides = ("data=sample", "data.limit_eval=3", "data.eval_languages=[en]")
    config = compose("evaluate", f"model.checkpoint={trained.folder}", *overrides)
    evaluate.run(config, tmp_path / "own")
    assert read(tmp_path / "own")["settings"]["data.max_length"] == 32
    assert read(tmp_path / "own")["model"] == "tiny"
    config = compose(
        "evaluate", f"model.checkpoint={trained.folder}", *overrides, "data.max_length=16"
    )
    evaluate.run(config, tmp_path / "given")
    assert read(tmp_path / "given")["settings"]["data.max_length"] == 16
