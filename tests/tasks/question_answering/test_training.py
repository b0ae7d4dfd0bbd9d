"""Question answering from the command line: trained, resumed, on two ranks, swept and compared."""

import json
import shutil

import numpy as np
import pytest

from infoxlm.commands import evaluate, train
from infoxlm.errors import UserError
from infoxlm.runs.finished_run import FinishedRun
from infoxlm.tracking.metrics_log import read_metrics

WORDS = (
    "data=squad", "data.eval_languages=[en,de,zh]", "data.max_length=48", "task.stride=8",
    "task.max_question_length=16", "task.n_best=5", "model=tiny", "model.dropout=0.1",
    "optimizer.learning_rate=0.003", "trainer.effective_batch_size=16", "trainer.max_steps=8",
    "trainer.eval_every=4", "trainer.log_every=1",
)  # fmt: skip
LANGUAGES = ["en", "de", "zh"]


@pytest.fixture(scope="module")
def words(question_folder):
    return (*WORDS, f"data.root={question_folder}")


@pytest.fixture(scope="module")
def alone(compose, words, tmp_path_factory):
    """A run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("alone") / "run"
    return folder, train.run(compose("train", *words), folder)


def weights(folder):
    return (folder / "checkpoints" / "best" / "model.safetensors").read_bytes()


def logged(folder, tag):
    lines = read_metrics(folder / "metrics.jsonl")
    return [line[tag] for line in lines if tag in line]


def results_of(folder):
    return json.loads((folder / "results.json").read_text())


def test_it_scores_every_language_and_reports(alone):
    folder, value = alone
    results = results_of(folder)
    assert (results["task"], results["task_name"]) == ("train", "question_answering")
    for split in ("dev", "test"):
        scores = results[split]
        assert (list(scores["f1"]), list(scores["exact_match"])) == (LANGUAGES, LANGUAGES)
        assert scores["examples"] == dict.fromkeys(LANGUAGES, 16)
        assert scores["rules"] == "squad"
        for language in LANGUAGES:
            assert scores["exact_match"][language] <= scores["f1"][language]
    assert results["dev"]["average"] == value == max(logged(folder, "dev/f1/average"))
    for language in LANGUAGES:
        for metric in ("f1", "exact_match"):
            assert len(logged(folder, f"dev/{metric}/{language}")) == 2
    report = (folder / "results.md").read_text()
    assert "F1" in report
    for word in ("accuracy", "Accuracy", "entailment", "pairs"):
        assert word not in report, word


def test_answers_are_pieces_of_their_contexts(alone, question_folder):
    folder, _ = alone
    for language in LANGUAGES:
        data = json.loads((question_folder / "test" / f"{language}.json").read_text())["data"]
        contexts = {
            question["id"]: paragraph["context"]
            for paragraph in data[0]["paragraphs"]
            for question in paragraph["qas"]
        }
        answers = json.loads((folder / f"predictions/predictions.{language}.json").read_text())
        assert answers.keys() == contexts.keys()
        for name, answer in answers.items():
            assert answer
            assert answer in contexts[name]


def test_evaluating_the_checkpoint_gives_the_same(alone, compose, words, tmp_path):
    folder, _ = alone
    kept = [word for word in words if word.startswith(("data.root", "data.eval", "task.", "data="))]
    value = evaluate.run(compose("evaluate", *kept, f"model.checkpoint={folder}"), tmp_path)
    assert value == results_of(folder)["test"]["average"]
    for name in ("predictions.jsonl", "predictions/predictions.zh.json"):
        assert (tmp_path / name).read_text() == (folder / name).read_text()
    assert results_of(tmp_path)["settings"]["data.max_length"] == 48


def test_without_test_questions_those_of_dev_are_predicted(
    compose, words, question_folder, tmp_path
):
    folders = [tmp_path / name for name in ("data", "run")]
    for split in ("train", "dev"):
        shutil.copytree(question_folder / split, folders[0] / split)
    best = train.run(compose("train", *words, f"data.root={folders[0]}"), folders[1])
    run = FinishedRun.read(folders[1])
    assert "test" not in run.results
    assert run.scores.average == best
    predictions = run.predictions()
    for language in LANGUAGES:
        values = predictions.values["f1"][predictions.languages == language]
        assert values.mean() == pytest.approx(run.scores.values["f1"][language])
    assert (folders[1] / "predictions" / "predictions.zh.json").is_file()


def test_it_resumes_to_the_bit(alone, compose, words, tmp_path, train_until_stopped):
    train_until_stopped(compose("train", *words), tmp_path / "stopped")
    resume = f"trainer.resume={tmp_path / 'stopped'}"
    train.run(compose("train", *words, resume), tmp_path / "new")
    assert weights(tmp_path / "stopped") == weights(alone[0])
    for tag in ("train/loss", "dev/f1/de"):
        assert logged(tmp_path / "stopped", tag) == logged(alone[0], tag)


def test_two_ranks_learn_and_answer_the_same(compose, words, tmp_path):
    found = {}
    for ranks in (1, 2):
        folder = tmp_path / str(ranks)
        more = ("model.dropout=0", f"hardware.devices={ranks}", "hardware.threads=1")
        train.run(compose("train", *words, *more), folder)
        found[ranks] = logged(folder, "train/loss"), results_of(folder)["test"]["f1"]
    np.testing.assert_allclose(found[2][0], found[1][0], rtol=1e-5)
    assert found[2][1] == pytest.approx(found[1][1], abs=0.05)


def test_active_vocabulary_and_micro_batches_change_nothing(compose, words, tmp_path):
    found = []
    for number, more in enumerate(
        (
            ("hardware.active_vocabulary=true", "hardware.micro_batch_tokens=4000"),
            ("hardware.active_vocabulary=false", "hardware.micro_batch_tokens=100"),
        )
    ):
        train.run(compose("train", *words, "model.dropout=0", *more), tmp_path / str(number))
        found.append(logged(tmp_path / str(number), "train/loss"))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-4)


def test_it_overfits_its_training_questions(compose, words, question_folder, tmp_path):
    own = (
        f"data.dev_root={question_folder / 'train' / 'en.json'}", "data.eval_languages=[en]",
        "model.dropout=0", "optimizer.learning_rate=0.01", "trainer.max_steps=300",
        "trainer.eval_every=300",
    )  # fmt: skip
    value = train.run(compose("train", *words, *own), tmp_path)
    assert value > 0.7  # 0.17 to 0.23 before training; sixteen runs reached 0.825 to 1
    assert logged(tmp_path, "train/loss")[-1] < 0.1 * logged(tmp_path, "train/loss")[0]


def test_it_sweeps_and_runs_are_compared_and_repeated(infoxlm, words, tmp_path):
    sweep = f"hydra.sweep.dir={tmp_path / 'sweep'}"
    done = infoxlm("train", "--multirun", *words, "seed=1,2", sweep)
    assert done.code == 0, done.err
    assert "F1" in (tmp_path / "sweep" / "results.md").read_text()
    runs = [str(tmp_path / "sweep" / number) for number in "01"]
    compared = infoxlm("compare", f"run_a={runs[0]}", f"run_b={runs[1]}")
    assert compared.code == 0, compared.err
    assert "paired bootstrap" in compared.out
    for word in ("accuracy", "McNemar", "pairs"):
        assert word not in compared.out, word
    again = infoxlm("repeat", f"run={runs[0]}")
    assert again.code == 0, again.out + again.err
    assert "same to the bit" in again.out


def test_questions_without_an_answer(infoxlm, words, write_questions, tmp_path):
    for split, seed in (("train", 1), ("dev", 2), ("test", 3)):
        file = write_questions(tmp_path / "data" / split / "en.json", seed=seed)
        content = json.loads(file.read_text())
        for paragraph in content["data"][0]["paragraphs"]:
            paragraph["qas"][1] |= {"answers": [], "is_impossible": True}
        file.write_text(json.dumps(content))
    own = (*words, f"data.root={tmp_path / 'data'}", "data.eval_languages=[en]")
    refused = infoxlm("train", *own)
    assert refused.code == 1
    assert "8 of 16 questions have no answer" in refused.err
    folder = tmp_path / "kept"
    kept = infoxlm("train", *own, "task.unanswerable=keep", f"hydra.run.dir={folder}")
    assert kept.code == 0, kept.err
    test = results_of(folder)["test"]
    assert (test["examples"], test["rules"]) == ({"en": 16}, "squad2")
    nulls = test["null_answers"]
    assert nulls["unanswerable"]["examples"]["en"] == nulls["answerable"]["examples"]["en"] == 8
    assert len(json.loads((folder / "predictions" / "null_odds.en.json").read_text())) == 16
    config = json.loads((folder / "checkpoints" / "best" / "config.json").read_text())
    assert config["question_answering"]["unanswerable"] == "keep"
    dropped = tmp_path / "dropped"
    left = infoxlm("train", *own, "task.unanswerable=drop", f"hydra.run.dir={dropped}")
    assert left.code == 0, left.err
    assert results_of(dropped)["test"]["examples"] == {"en": 8}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ("data.root=nowhere", "nowhere"),
        ("data.train_root=nowhere.json", "nowhere.json"),
        ("data.train_files=[a.json,b.json]", "a.json"),
        ("data.dev_root=nowhere", "nowhere"),
        ("data.eval_languages=[en,fr]", "fr"),
        ("data.labels=[no,yes]", "data.labels"),
        ("data.max_length=24", "task.stride=8"),
        ("task.rules=mlqa data.eval_languages=[en,sw]", "sw"),
        ("task.rules=mlqa data.eval_languages=[en,tr]", "tr"),
        ("task=classification", "task.stride: there is no such key"),
    ],
)
def test_mistakes_are_one_line(changes, told, words, infoxlm, tmp_path):
    done = infoxlm("train", *words, *changes.split())
    assert done.code == 1
    line = done.err.strip().splitlines()[-1]
    assert line.startswith("infoxlm: error: ")
    assert told in line
    assert "Traceback" not in done.err
    assert not list((tmp_path / "empty").rglob("results.json"))


def test_windows_are_consistent_with_copies_that_keep_their_tokens(words, compose, tmp_path):
    found = {}
    for name, tokens in (("one", 2000), ("other", 60)):
        folder = tmp_path / name
        noisy = ("consistency=word_dropout", "consistency.ratio=0.3", "model.dropout=0")
        sizes = (f"hardware.micro_batch_tokens={tokens}", "trainer.max_steps=3")
        train.run(compose("train", *words, *noisy, *sizes), folder)
        found[name] = logged(folder, "train/loss")
    np.testing.assert_allclose(found["one"], found["other"], rtol=1e-5)


def test_copies_that_move_the_answer_are_refused(words, compose, tmp_path):
    config = compose("train", *words, "consistency=subword_sampling")
    with pytest.raises(UserError, match="moves the tokens"):
        train.run(config, tmp_path / "run")
