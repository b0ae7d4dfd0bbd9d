import json
import logging
import sys
from pathlib import Path

import numpy as np
import pytest

from infoxlm.commands import train
from infoxlm.data.xnli import LANGUAGES, WORDS
from infoxlm.errors import UserError
from infoxlm.evaluate.predictions import read_predictions
from infoxlm.runs.settings import compared_settings
from infoxlm.tracking.metrics_log import read_metrics


@pytest.fixture(scope="module")
def results(trained):
    return json.loads((trained.folder / "results.json").read_text())


@pytest.fixture(scope="module")
def curves(trained):
    from visualdl import LogReader

    return LogReader(file_path=str(trained.folder / "vdl" / "vdlrecords.main.log"))


def test_results(trained, results):
    assert (results["task"], results["experiment"]) == ("train", "example")
    assert (results["model"], results["data"]) == ("tiny", "sample")
    for split in ("dev", "test"):
        scores = results[split]
        assert tuple(scores["accuracy"]) == LANGUAGES
        assert scores["examples"] == dict.fromkeys(LANGUAGES, 6)
        accuracy = scores["accuracy"]
        assert scores["average"] == pytest.approx(np.mean(list(accuracy.values())))
        others = [accuracy[language] for language in LANGUAGES if language != "en"]
        assert scores["gap"] == pytest.approx(accuracy["en"] - np.mean(others))
    assert results["steps"] == 6
    assert results["best_step"] in (2, 4, 6)
    assert results["train"]["pairs"] == 6 * 16
    assert results["train"]["examples"] == results["settings"]["data.limit_train"]
    for figure in ("pairs_per_second", "seconds", "peak_rss_mb"):
        assert results["train"][figure] > 0
    assert results["evaluate"]["pairs_per_second"] > 0
    assert results["settings"]["optimizer.learning_rate"] == 0.003
    assert results["settings"]["data.train_languages"] == "[en]"


def test_value_for_sweeps_is_the_best_dev_average(trained, results):
    lines = read_metrics(trained.folder / "metrics.jsonl")
    averages = {
        line["step"]: line["dev/accuracy/average"]
        for line in lines
        if "dev/accuracy/average" in line
    }
    assert list(averages) == [2, 4, 6]
    assert trained.value == results["dev"]["average"] == max(averages.values())
    assert averages[results["best_step"]] == trained.value


def test_predictions_are_complete_and_give_the_accuracy(trained, results):
    predictions = read_predictions(trained.folder / "predictions.jsonl")
    assert len(predictions) == 6 * len(LANGUAGES)
    for language in LANGUAGES:
        part = predictions.languages == language
        assert sorted(predictions.rows[part]) == list(range(6))
        accuracy = results["test"]["accuracy"][language]
        assert predictions.values["accuracy"][part].mean() == pytest.approx(accuracy)
    probabilities = np.array(predictions.columns["probabilities"])
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=2e-6)
    answers = [WORDS[label] for label in probabilities.argmax(axis=1)]
    assert predictions.columns["predicted"] == answers


def test_curves(trained, curves, results):
    def points(tag):
        return {point.id: point.value for point in curves.get_data("scalar", tag)}

    assert list(points("train/loss")) == [1, 2, 3, 4, 5, 6]
    rates = points("train/learning_rate")
    assert max(rates.values()) == pytest.approx(0.003)
    for split, steps in (("dev", [2, 4, 6]), ("test", [6])):
        for name in (*(f"accuracy/{language}" for language in LANGUAGES), "accuracy/average"):
            assert list(points(f"{split}/{name}")) == steps
        assert list(points(f"{split}/gap")) == steps
    assert points("test/accuracy/average")[6] == pytest.approx(results["test"]["average"])
    # The same numbers for people without VisualDL.
    lines = read_metrics(trained.folder / "metrics.jsonl")
    losses = {line["step"]: line["train/loss"] for line in lines if "train/loss" in line}
    assert losses == pytest.approx(points("train/loss"))


def test_hyperparameters(curves, results):
    (record,) = curves.get_data("hyper_parameters", "hparam")
    shown = {
        info.name: getattr(info, info.WhichOneof("type")) for info in record.hparam.hparamInfos
    }
    assert shown["optimizer/learning_rate"] == 0.003
    assert shown["model/name"] == "tiny"
    assert len(shown) == len(compared_settings(results["settings"]))
    metrics = {info.name for info in record.hparam.metricInfos}
    assert {"dev/best_average", "test/accuracy/sw", "test/gap"} <= metrics


def test_run_record(trained):
    record = json.loads((trained.folder / "run.json").read_text())
    assert (record["seed"], record["device"]) == (42, "cpu")
    checksums = record["data"]
    assert len(checksums) == 1 + 2 * len(LANGUAGES)
    assert {len(checksum) for checksum in checksums.values()} == {64}
    found = {tuple(Path(file).parts[-2:]) for file in checksums}
    assert {("train", "en.tsv"), ("dev", "zh.tsv"), ("test", "ar.tsv")} <= found


def test_files(trained):
    for name in ("results.md", "results.png", "curves.png"):
        assert (trained.folder / name).stat().st_size > 500
    assert (trained.folder / "results.png").read_bytes().startswith(b"\x89PNG")
    folders = sorted(path.name for path in (trained.folder / "checkpoints").iterdir())
    assert folders == ["best", "step-6"]
    assert not list(trained.folder.rglob(".*"))


def test_best_checkpoint_is_the_one_of_the_best_step(trained):
    from infoxlm import InfoXLMForSequenceClassification, InfoXLMTokenizer

    best = trained.folder / "checkpoints" / "best"
    model = InfoXLMForSequenceClassification.from_pretrained(best)
    assert sorted(model.config.id2label.values()) == ["contradiction", "entailment", "neutral"]
    assert InfoXLMTokenizer.from_pretrained(best).vocab_size <= model.config.vocab_size


def test_same_seed_same_numbers_other_seed_others(trained, tiny_config, tmp_path):
    few = ("data.eval_languages=[en,de]", "trainer.max_steps=2")

    def losses(folder, *overrides):
        train.run(tiny_config(*few, *overrides), tmp_path / folder)
        return [
            line["train/loss"]
            for line in read_metrics(tmp_path / folder / "metrics.jsonl")
            if "train/loss" in line
        ]

    first = losses("a")
    assert losses("b") == first
    assert losses("c", "seed=7") != first


def test_two_training_languages(tiny_config, tmp_path, caplog):
    data = tmp_path / "data"
    pair = "premise\thypothesis\tlabel\n" + "".join(
        f"sentence {n}\tsentence {n + 1}\t{label}\n"
        for n, label in enumerate(["entailment", "neutral", "contradiction"] * 3)
    )
    for split in ("train", "dev", "test"):
        (data / split).mkdir(parents=True)
        for language in ("en", "de"):
            (data / split / f"{language}.tsv").write_text(pair)
    config = tiny_config(
        f"data.root={data}", "data.train_languages=[en,de]", "data.eval_languages=[de,en]",
        "data.limit_train=null", "data.limit_eval=null", "trainer.max_steps=null",
        "trainer.epochs=1", "trainer.select_on=dev_en",
    )  # fmt: skip
    with caplog.at_level(logging.INFO):
        value = train.run(config, tmp_path / "run")
    assert "18 training examples, 16 a step" in caplog.text
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results["steps"] == 2  # sixteen pairs, then the two that are left
    assert results["train"]["pairs"] == 18
    assert results["test"]["examples"] == {"de": 9, "en": 9}
    assert value == results["dev"]["accuracy"]["en"]
    checksums = json.loads((tmp_path / "run" / "run.json").read_text())["data"]
    assert {"en.tsv", "de.tsv"} <= {Path(file).name for file in checksums}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["data.train_languages=[en,fr]"], "no train pairs in fr.*data.train_languages"),
        (["data.root={folder}/without_dev"], "dev"),
        (["data.root={folder}/missing"], "missing does not exist"),
        (["data.root={folder}/broken"], r"broken/train/en.tsv.*line 3.*maybe"),
        (["model.checkpoint={folder}/model"], "model.checkpoint=.*does not exist"),
        (["model.shape=null"], "model.checkpoint is not set"),
    ],
)
def test_mistakes_are_told_before_weights_are_loaded(
    overrides, message, tiny_config, tmp_path, monkeypatch
):
    header, pair = "premise\thypothesis\tlabel\n", "a b\tb c\tneutral\n"
    for name, splits in (("without_dev", ["train", "test"]), ("broken", ["train", "dev", "test"])):
        for split in splits:
            (tmp_path / name / split).mkdir(parents=True)
            (tmp_path / name / split / "en.tsv").write_text(header + pair)
    (tmp_path / "broken" / "train" / "en.tsv").write_text(header + pair + "a\tb\tmaybe\n")
    # With its heavy modules out of reach, the command cannot get further than the data.
    monkeypatch.setitem(sys.modules, "infoxlm.train.training", None)
    config = tiny_config(
        "data.eval_languages=[en]", *(text.format(folder=tmp_path) for text in overrides)
    )
    with pytest.raises(UserError, match=message):
        train.run(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_folder_that_holds_a_run_is_left_alone(trained):
    before = (trained.folder / "metrics.jsonl").read_bytes()
    with pytest.raises(UserError, match="holds a finished run already"):
        train.run(trained.config, trained.folder)
    assert (trained.folder / "metrics.jsonl").read_bytes() == before
