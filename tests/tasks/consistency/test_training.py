"""Runs with changed copies, from the command line's configuration to the folder."""

import json
import shutil

import numpy as np
import pytest

from infoxlm.commands import repeat, train
from infoxlm.errors import UserError
from infoxlm.tracking.metrics_log import read_metrics

WORDS = (
    "model=tiny", "model.dropout=0.1", "data=sample", "data.limit_train=25", "data.limit_eval=3",
    "data.eval_languages=[en,de]", "data.max_length=32", "optimizer.learning_rate=0.003",
    "trainer.effective_batch_size=16", "trainer.max_steps=8", "trainer.eval_every=4",
    "trainer.log_every=1", "hardware.threads=1",
)  # fmt: skip
SAMPLED = ("consistency=subword_sampling", "consistency.ratio=1")


@pytest.fixture(scope="module")
def first_stage(compose, tmp_path_factory):
    folder = tmp_path_factory.mktemp("stages") / "first"
    train.run(compose("train", *WORDS, *SAMPLED), folder)
    return folder


def outcome(folder):
    """The losses of a run, and the bytes of its weights."""
    lines = read_metrics(folder / "metrics.jsonl")
    losses = [line["train/loss"] for line in lines if "train/loss" in line]
    return losses, (folder / "checkpoints" / "best" / "model.safetensors").read_bytes()


@pytest.mark.parametrize("second", [False, True])
def test_it_resumes_to_the_bit(first_stage, second, compose, tmp_path, train_until_stopped):
    words = [*WORDS, *SAMPLED, *([f"consistency.teacher={first_stage}"] if second else [])]
    whole = first_stage
    if second:
        whole = tmp_path / "whole"
        train.run(compose("train", *words), whole)
    train_until_stopped(compose("train", *words), tmp_path / "stopped")
    resume = f"trainer.resume={tmp_path / 'stopped'}"
    train.run(compose("train", *words, resume), tmp_path / "new")
    assert outcome(tmp_path / "stopped") == outcome(whole)
    results = json.loads((whole / "results.json").read_text())
    assert results["settings"]["consistency.name"] == "subword_sampling"


def test_other_weights_of_the_teacher_are_not_resumed(
    first_stage, compose, tmp_path, train_until_stopped
):
    words = [*WORDS, *SAMPLED, f"consistency.teacher={first_stage}"]
    train_until_stopped(compose("train", *words), tmp_path / "stopped")
    other = compose("train", *WORDS, "seed=5", "trainer.max_steps=4")
    train.run(other, tmp_path / "other")
    words[-1] = f"consistency.teacher={tmp_path / 'other'}"
    with pytest.raises(UserError, match="began with"):
        train.run(
            compose("train", *words, f"trainer.resume={tmp_path / 'stopped'}"), tmp_path / "x"
        )


@pytest.mark.parametrize("change", ["subword_sampling", "gaussian_noise"])
def test_two_ranks_learn_the_same(change, first_stage, compose, tmp_path):
    found = {}
    for ranks in (1, 2):
        folder = tmp_path / str(ranks)
        words = ["model.dropout=0", f"consistency={change}", f"consistency.teacher={first_stage}"]
        train.run(compose("train", *WORDS, *words, f"hardware.devices={ranks}"), folder)
        found[ranks] = outcome(folder)[0]
    np.testing.assert_allclose(found[2], found[1], rtol=1e-5)


def test_a_copy_that_is_the_example_changes_nothing_but_the_cost(compose, tmp_path):
    """Words that no dictionary has stay, and without dropout equal predictions are consistent."""
    (tmp_path / "en-de.txt").write_text("zyzzyva\tRüsselkäfer\n", encoding="utf-8")
    changes = {
        "plain": [],
        "copied": ["consistency=code_switching", f"consistency.dictionaries={tmp_path}"],
    }
    found = {}
    for name, words in changes.items():
        train.run(compose("train", *WORDS, *words, "model.dropout=0"), tmp_path / name)
        found[name] = outcome(tmp_path / name)[0]
    np.testing.assert_allclose(found["copied"], found["plain"], rtol=1e-5)


def test_translations_come_from_other_languages(compose, tmp_path, write_parallel):
    root = write_parallel(tmp_path / "data", ["en", "de", "fr"])
    words = [*WORDS[:2], *WORDS[3:], "data=xnli", f"data.root={root}"]
    words += ["consistency=translation", "consistency.languages=[de,fr]"]
    train.run(compose("train", *words), tmp_path / "run")
    assert np.isfinite(outcome(tmp_path / "run")[0]).all()
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    read = {path.split("data/")[1] for path in record["data"]}
    assert {"train/en.tsv", "train/de.tsv", "train/fr.tsv"} <= read


@pytest.fixture
def write_parallel():
    """Writes row-parallel files; a language may have other labels."""

    def write(root, languages, labels=None):
        names = ["entailment", "neutral", "contradiction"]
        for split in ("train", "dev", "test"):
            (root / split).mkdir(parents=True)
            for language in languages:
                order = (labels or {}).get(language, names)
                lines = [
                    f"{language} text {row}\tother {row}\t{order[row % 3]}" for row in range(24)
                ]
                text = "\n".join(["premise\thypothesis\tlabel", *lines]) + "\n"
                (root / split / f"{language}.tsv").write_text(text, encoding="utf-8")
        return root

    return write


def refused(compose, tmp_path, *words):
    with pytest.raises(UserError) as error:
        train.run(compose("train", *WORDS, *words), tmp_path / "refused")
    assert not (tmp_path / "refused" / "results.json").exists()
    assert "\n" not in str(error.value)
    return str(error.value)


def test_files_that_are_not_parallel_are_refused(compose, tmp_path, write_parallel):
    order = ["neutral", "contradiction", "entailment"]
    root = write_parallel(tmp_path / "data", ["en", "de"], {"de": order})
    said = refused(
        compose, tmp_path, "data=xnli", f"data.root={root}", "consistency=translation",
        "consistency.languages=[de]",
    )  # fmt: skip
    assert "are the same in 0% of the rows only" in said


def test_a_head_may_count_the_labels_in_another_order(
    compose, tmp_path, write_parallel, first_stage
):
    """What is parallel is for the data to say, not for the model's head."""
    checkpoint = shutil.copytree(first_stage / "checkpoints" / "best", tmp_path / "turned")
    config = json.loads((checkpoint / "config.json").read_text())
    names = [config["id2label"][str(place)] for place in (1, 2, 0)]
    config["id2label"] = {str(place): name for place, name in enumerate(names)}
    config["label2id"] = {name: place for place, name in enumerate(names)}
    (checkpoint / "config.json").write_text(json.dumps(config))
    (checkpoint / "manifest.json").unlink()
    root = write_parallel(tmp_path / "data", ["en", "de"])
    words = ["data=xnli", f"data.root={root}", "model=checkpoint", f"model.checkpoint={checkpoint}"]
    words += ["consistency=translation", "consistency.languages=[de]"]
    config = compose("train", *WORDS[1:2], *WORDS[3:], *words)
    train.run(config, tmp_path / "run")
    assert np.isfinite(outcome(tmp_path / "run")[0]).all()


def test_what_is_missing_or_does_not_fit_is_told(compose, tmp_path, first_stage):
    sampled = "consistency=subword_sampling"
    said = refused(compose, tmp_path, sampled, "consistency.teacher=nowhere")
    assert "consistency.teacher=nowhere" in said
    said = refused(compose, tmp_path, "consistency=translation")
    assert "there is no language but en" in said
    said = refused(compose, tmp_path, "consistency=translation", "consistency.languages=[xx]")
    assert "no train pairs in xx" in said
    assert "change consistency.languages" in said
    words = [sampled, f"consistency.teacher={first_stage}", "model.shape.vocab_size=3000"]
    assert "another vocabulary" in refused(compose, tmp_path, *words)


@pytest.mark.parametrize("second", [False, True])
def test_a_step_that_failed_is_computed_again(second, first_stage, compose, tmp_path):
    words = [*WORDS, *SAMPLED, *([f"consistency.teacher={first_stage}"] if second else [])]
    words += ["optimizer.learning_rate=1e30", "optimizer.max_grad_norm=null"]
    with pytest.raises(UserError, match="is not finite"):
        train.run(compose("train", *words), tmp_path / "run")
    batch = tmp_path / "run" / "checkpoints" / "failed_step" / "batch.json"
    failed = json.loads(batch.read_text())
    train.run(compose("train", *words, f"trainer.replay={batch}"), tmp_path / "replay")
    replayed = json.loads((tmp_path / "replay" / "replay.json").read_text())
    assert len(replayed["pairs"]) == len(failed["pairs"])

    def losses(examples):
        return {(x["row"], x.get("sequence", 0)): x["loss"] for x in examples}

    assert losses(replayed["pairs"]) == losses(failed["pairs"])
    assert any(x.get("sequence") for x in failed["pairs"]) == second


def test_a_second_stage_is_repeated_from_its_folder(first_stage, compose, tmp_path):
    dictionaries = tmp_path / "muse"
    dictionaries.mkdir()
    (dictionaries / "en-de.txt").write_text("the\tdie\na ein\n", encoding="utf-8")
    words = ["consistency=code_switching", f"consistency.dictionaries={dictionaries}"]
    words.append(f"consistency.teacher={first_stage}")
    train.run(compose("train", *WORDS, *words), tmp_path / "run")
    moved = dictionaries.rename(tmp_path / "moved")

    again = [f"run={tmp_path / 'run'}", f"dictionaries={moved}"]
    repeat.run(compose("repeat", *again), tmp_path / "again")
    assert json.loads((tmp_path / "again" / "repeat.json").read_text())["same"] is True

    with pytest.raises(UserError, match="dictionaries=FOLDER"):
        repeat.run(compose("repeat", again[0]), tmp_path / "lost")
    (moved / "en-de.txt").write_text("the\tdas\n", encoding="utf-8")
    with pytest.raises(UserError, match="not what the run read"):
        repeat.run(compose("repeat", *again), tmp_path / "other")
    with pytest.raises(UserError, match="teacher=FOLDER"):
        (moved / "en-de.txt").write_text("the\tdie\na ein\n", encoding="utf-8")
        repeat.run(compose("repeat", *again, f"teacher={tmp_path / 'again'}"), tmp_path / "other")
