import pytest

from infoxlm.schema.group_options import fitting_options, keys_of, options_of


def test_options():
    assert options_of("scheduler") == ["constant", "cosine", "linear", "polynomial"]
    assert options_of("no_such_group") == []
    assert options_of("") == []


def test_keys_are_those_of_the_file_and_of_what_it_builds_upon():
    assert keys_of("scheduler", "linear") == {"name", "warmup_ratio"}
    assert keys_of("data", "sample") == keys_of("data", "xnli")
    assert {"device", "threads"} <= keys_of("hardware", "gpu_bf16")
    assert "defaults" not in keys_of("data", "sample")


def test_each_command_has_its_own_data():
    assert fitting_options("data", "retrieve") == ["tatoeba"]
    for command in ("train", "evaluate"):
        assert fitting_options("data", command) == [
            "mlqa", "pairs", "pawsx", "question_sample", "sample", "squad", "translate_train",
            "xnli", "xquad",
        ]  # fmt: skip

    assert fitting_options("data", "pretrain") == ["corpus", "sample_corpus"]


def test_each_command_has_its_own_tasks():
    assert fitting_options("task", "pretrain") == ["pretraining"]
    for command in ("train", "evaluate"):
        assert fitting_options("task", command) == ["classification", "question_answering"]


def test_what_is_not_data_fits_every_command_that_takes_it():
    for command in ("train", "pretrain", "evaluate", "retrieve"):
        for group in ("model", "hardware"):
            assert fitting_options(group, command) == options_of(group)


def test_an_experiment_is_of_the_command_that_takes_its_choices():
    pretraining = ["infoxlm_pretraining", "pretraining_demo", "pretraining_short"]
    assert fitting_options("experiment", "pretrain") == pretraining
    others = [x for x in options_of("experiment") if x not in pretraining]
    assert fitting_options("experiment", "train") == others


@pytest.mark.parametrize("word", ["", "..", "model/..", "/tmp", "+" + "9" * 300, "9" * 300, "a\0b"])
def test_a_word_that_is_no_group_has_no_options(word):
    assert options_of(word) == []
