"""Pre-training from the command line: learns, resumes to the bit, on two ranks too, reports."""

import json

import numpy as np
import pytest
from visualdl import LogReader

from infoxlm.commands import pretrain, train
from infoxlm.tracking.metrics_log import read_metrics

FILES = ("model.safetensors", "optimizer.safetensors", "objective.safetensors")


def losses(folder):
    lines = read_metrics(folder / "metrics.jsonl")
    return [line["train/loss"] for line in lines if "train/loss" in line]


def checkpoint(folder, name="step-8"):
    return {file: (folder / "checkpoints" / name / file).read_bytes() for file in FILES}


@pytest.fixture
def alone(compose, words, tmp_path):
    pretrain.run(compose("pretrain", *words), tmp_path / "alone")
    return tmp_path / "alone"


def test_it_learns_and_reports(alone):
    results = json.loads((alone / "results.json").read_text())
    assert (results["task"], results["task_name"]) == ("pretrain", "pretraining")
    assert results["dev"]["metric"]["name"] == "retrieval"
    assert list(results["dev"]["retrieval"]) == ["de", "fr"]
    assert "test" not in results
    figures = results["dev"]["figures"]
    assert list(figures) == [
        "perplexity", "masked_accuracy", *(f"retrieval_block_{x}" for x in range(3))
    ]  # fmt: skip
    assert figures["retrieval_block_1"] == results["dev"]["retrieval"]
    assert results["start"]["figures"].keys() == figures.keys()
    before, after = (results[x]["figures"]["perplexity"] for x in ("start", "dev"))
    assert before.keys() == after.keys() == {"de", "en", "fr", "en-de", "en-fr"}
    assert sum(after.values()) < sum(before.values())
    report = (alone / "results.md").read_text()
    for title in ("Retrieval by block", "by language and block, before training", "Held-out text"):
        assert title in report
    assert "blocks.png" in report
    assert (alone / "blocks.png").exists()
    assert losses(alone)[-1] < losses(alone)[0]


def test_everything_is_logged_by_language_and_block(alone):
    lines = read_metrics(alone / "metrics.jsonl")
    scored = {line["step"]: line for line in lines if "dev/retrieval/average" in line}
    assert list(scored) == [0, 4, 8]
    wanted = {
        "dev/retrieval_block_2/de", "dev/perplexity/en-fr", "dev/masked_accuracy/en",
        "dev/perplexity/average",
    }  # fmt: skip
    assert wanted <= scored[0].keys()
    stepped = next(line for line in lines if "train/loss" in line)
    wanted |= {
        "train/loss/mlm", "train/loss/tlm", "train/loss/xlco", "train/xlco/accuracy",
        "train/xlco/accuracy_in_batch", "train/xlco/momentum",
    }  # fmt: skip
    assert wanted <= scored[0].keys() | stepped.keys()
    log = LogReader(file_path=str(alone / "vdl" / "vdlrecords.main.log"))
    assert wanted <= set(log.get_tags()["scalar"])


def test_it_resumes_to_the_bit(alone, compose, words, tmp_path, train_until_stopped):
    stopped = tmp_path / "stopped"
    train_until_stopped(compose("pretrain", *words), stopped)
    assert not (stopped / "checkpoints" / "step-8").exists()
    pretrain.run(compose("pretrain", *words, f"trainer.resume={stopped}"), tmp_path / "new")
    assert losses(stopped) == losses(alone)
    assert checkpoint(stopped) == checkpoint(alone)
    kept = [json.loads((x / "results.json").read_text()) for x in (stopped, alone)]
    assert kept[0]["start"] == kept[1]["start"]
    assert kept[0]["dev"] == kept[1]["dev"]


def test_two_ranks_learn_the_same(compose, words, tmp_path):
    found, figures = {}, {}
    for ranks in (1, 2):
        folder = tmp_path / str(ranks)
        pretrain.run(compose("pretrain", *words, f"hardware.devices={ranks}"), folder)
        found[ranks] = losses(folder)
        figures[ranks] = json.loads((folder / "results.json").read_text())["start"]["figures"]
    np.testing.assert_allclose(found[2], found[1], rtol=1e-5)
    for name, by_language in figures[1].items():
        assert figures[2][name] == pytest.approx(by_language, rel=1e-5), name


def test_the_micro_batch_does_not_matter(alone, compose, words, tmp_path):
    small = tmp_path / "small"
    pretrain.run(compose("pretrain", *words, "hardware.micro_batch_tokens=30"), small)
    np.testing.assert_allclose(losses(small), losses(alone), rtol=1e-5)


@pytest.mark.parametrize("streams", [("mlm",), ("tlm",), ("xlco",), ("mlm", "xlco")])
def test_a_stream_of_weight_0_is_left_out(streams, compose, words, tmp_path):
    off = [f"task.{x}_weight=0" for x in ("mlm", "tlm", "xlco") if x not in streams]
    pretrain.run(compose("pretrain", *words, *off, "trainer.max_steps=2"), tmp_path / "run")
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    held_out = set(results["dev"]["figures"].get("perplexity", ()))
    expected = {"mlm": {"de", "en", "fr"}, "tlm": {"en-de", "en-fr"}, "xlco": set()}
    assert held_out == set().union(*(expected[x] for x in streams))


def test_without_pairs_masked_tokens_choose(compose, words, tmp_path):
    words = [word for word in words if not word.startswith("data.eval_pairs")]
    pretrain.run(compose("pretrain", *words, "task.xlco_weight=0"), tmp_path / "run")
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results["dev"]["metric"]["name"] == "masked_accuracy"
    assert not (tmp_path / "run" / "blocks.png").exists()
    assert "Held-out text" in (tmp_path / "run" / "results.md").read_text()


def test_a_restricted_vocabulary_keeps_the_other_rows(compose, words, tmp_path):
    from safetensors.numpy import load_file

    name = "roberta.embeddings.word_embeddings.weight"
    folder = tmp_path / "run"
    restricted = (*words, "task.restrict_vocabulary=true", "optimizer.weight_decay=0")
    pretrain.run(compose("pretrain", *restricted, "trainer.max_steps=1"), folder)
    pretrain.run(compose("pretrain", *restricted), tmp_path / "longer")
    one, other = (
        load_file(x / "checkpoints" / "best" / "model.safetensors")[name]
        for x in (folder, tmp_path / "longer")
    )
    assert one.shape == other.shape
    unlike = (one != other).any(axis=1)
    assert 0 < unlike.sum() < len(unlike) // 2


def test_sweeps_and_comparisons(infoxlm, words, tmp_path):
    sweep = tmp_path / "sweep"
    choices = ("task.mixup=true,false", f"hydra.sweep.dir={sweep}")
    done = infoxlm("pretrain", "--multirun", *words, *choices)
    assert done.code == 0, done.err
    assert "mixup" in (sweep / "results.md").read_text()
    compared = infoxlm("compare", f"run_a={sweep / '0'}", f"run_b={sweep / '1'}")
    assert compared.code == 0, compared.err
    assert "retrieval" in compared.out
    again = infoxlm("repeat", f"run={sweep / '0'}", f"cache_dir={tmp_path / 'cache'}")
    assert again.code == 0, again.out + again.err
    assert "The same to the bit" in again.out


def test_what_comes_out_is_found_by_and_fine_tunes(alone, infoxlm, compose, tmp_path):
    fine_tuned = tmp_path / "fine_tuned"
    config = compose(
        "train", "model=checkpoint", f"model.checkpoint={alone}", "data=sample",
        "data.limit_train=16", "data.limit_eval=4", "data.max_length=24", "trainer.max_steps=2",
        "trainer.effective_batch_size=8", "hardware.threads=1",
        f"data.cache_dir={tmp_path / 'cache'}",
    )  # fmt: skip
    train.run(config, fine_tuned)
    assert (fine_tuned / "results.json").exists()
    refused = infoxlm("predict", f"model.checkpoint={alone}", "text=a<sep>b")
    assert refused.code == 1
    assert "a pre-trained model gives no answers" in refused.err


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("task.block=3", "task.block=3, but the encoder has 2 blocks"),
        ("data.languages=[de]", "data.parallel has no text in data.languages=[de]"),
        ("data.parallel=[nowhere]", "data.parallel: nowhere does not exist"),
        ("data.eval_pairs=nowhere", "data.eval_pairs: nowhere does not exist"),
        ("data=xnli", "data=xnli is not for `infoxlm pretrain`"),
        ("experiment=demo", "experiment=demo is not for `infoxlm pretrain`"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(word, told, infoxlm, words, tmp_path):
    folder = tmp_path / "run"
    done = infoxlm("pretrain", *words, word, f"hydra.run.dir={folder}")
    assert done.code == 1
    assert told in done.err
    assert "Traceback" not in done.err and done.err.count("infoxlm: error") == 1
    assert not folder.exists()


def test_training_refuses_the_task(infoxlm):
    for word in ("task=pretraining", "task.name=pretraining", "experiment=pretraining_demo"):
        done = infoxlm("train", "model=tiny", "data=sample", word)
        assert done.code == 1
        assert "pretrain" in done.err
        assert done.err.count("\n") == 1
