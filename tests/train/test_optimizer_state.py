from functools import partial

import numpy as np
import paddle
import pytest
from safetensors.numpy import load_file, save_file

from infoxlm.data.xnli import WORDS
from infoxlm.errors import UserError
from infoxlm.model.loading import load_classifier
from infoxlm.schema import ModelConfig, OptimizerConfig, SchedulerConfig
from infoxlm.train.active_vocabulary import ActiveVocabulary
from infoxlm.train.optimization import build_learning_rate, build_optimizer
from infoxlm.train.optimizer_state import (
    OPTIMIZER_FILE,
    read_optimizer,
    state_names,
    write_optimizer,
)

ROWS = np.arange(8)

#: The names in Adam's file, the same from the beginning.
ADAM = ("moment1", "moment2", "beta1_pow_acc", "beta2_pow_acc")


class Training:
    """A model with its optimizer, as the trainer builds them, loaded from a folder."""

    def __init__(self, accumulate, folder, examples, active=True, kind="adamw"):
        head = {"labels": WORDS, "task_name": "classification"}
        self.model = load_classifier(ModelConfig("tiny"), folder, 100, 38, **head)
        self.vocabulary = None
        if active:
            in_use = [examples.token_ids.ids]
            self.vocabulary = ActiveVocabulary(self.model.roberta.embeddings, in_use)
        self.accumulate = accumulate
        self.examples = examples
        config = OptimizerConfig(kind, 1e-2, weight_decay=0.0 if kind == "adam" else 0.1)
        self.learning_rate = build_learning_rate(config, SchedulerConfig("constant"), 10)
        self.optimizer = build_optimizer(self.model, config, self.learning_rate, 10)

    def step(self, times):
        self.model.train()
        for _ in range(times):
            self.accumulate(self.model, self.examples, ROWS, vocabulary=self.vocabulary)
            with paddle.utils.unique_name.guard():
                self.optimizer.step()
            self.optimizer.clear_grad(set_to_zero=False)

    def save(self, folder):
        if self.vocabulary is None:
            self.model.save_pretrained(folder)
        else:
            with self.vocabulary.full_table():
                self.model.save_pretrained(folder)
        write_optimizer(folder, self.optimizer, self.model)

    def values(self):
        return {name: x.numpy().tobytes() for name, x in self.model.named_parameters()}


@pytest.fixture(scope="module")
def examples(random_token_ids, labelled):
    return labelled(random_token_ids(8), np.arange(8) % 3)


@pytest.fixture(scope="module")
def training(accumulate):
    return partial(Training, accumulate)


@pytest.mark.parametrize("others", [0, 3])
@pytest.mark.parametrize("active", [True, False])
@pytest.mark.parametrize("kind", ["adamw", "adam", "lamb", "adafactor"])
def test_resuming_changes_nothing(kind, active, others, training, examples, inputs, tmp_path):
    undisturbed = training(inputs.checkpoint, examples, active, kind)
    undisturbed.step(5)

    first = training(inputs.checkpoint, examples, active, kind)
    first.step(2)
    first.save(tmp_path)
    # What else this process has made must not matter: it moves the numbers in Paddle's names.
    layers = [paddle.nn.Linear(3, 3) for _ in range(others)]
    for layer in layers:
        layer(paddle.ones([1, 3])).sum().backward()
        paddle.optimizer.AdamW(parameters=layer.parameters()).step()
    second = training(tmp_path, examples, active, kind)
    read_optimizer(tmp_path, second.optimizer, second.model)
    second.step(3)
    assert second.values() == undisturbed.values()
    second.save(tmp_path / "second")
    undisturbed.save(tmp_path / "undisturbed")
    assert (tmp_path / "second" / OPTIMIZER_FILE).read_bytes() == (
        tmp_path / "undisturbed" / OPTIMIZER_FILE
    ).read_bytes()


def test_without_the_state_it_would_be_another_run(training, examples, inputs, tmp_path):
    undisturbed = training(inputs.checkpoint, examples)
    undisturbed.step(3)
    first = training(inputs.checkpoint, examples)
    first.step(2)
    first.save(tmp_path)
    second = training(tmp_path, examples)
    second.step(1)
    assert second.values() != undisturbed.values()


def test_tensors_are_named_as_the_parameters(training, examples, inputs, tmp_path):
    trained = training(inputs.checkpoint, examples)
    trained.step(2)
    write_optimizer(tmp_path, trained.optimizer, trained.model)
    tensors = load_file(tmp_path / OPTIMIZER_FILE)
    parameters = dict(trained.model.named_parameters())
    assert set(tensors) == {f"{kept}.{name}" for kept in ADAM for name in parameters}
    for name, parameter in parameters.items():
        assert list(tensors[f"moment2.{name}"].shape) == parameter.shape
        assert (tensors[f"moment2.{name}"] >= 0).all()
        # What corrects the bias of the next step's moments.
        np.testing.assert_allclose(tensors[f"beta1_pow_acc.{name}"], [0.9**3], rtol=1e-6)
        np.testing.assert_allclose(tensors[f"beta2_pow_acc.{name}"], [0.999**3], rtol=1e-6)
    assert len(set(state_names(trained.model, trained.optimizer).values())) == len(tensors)


def test_before_the_first_step_there_is_nothing_to_keep(training, examples, inputs, tmp_path):
    trained = training(inputs.checkpoint, examples)
    write_optimizer(tmp_path, trained.optimizer, trained.model)
    assert load_file(tmp_path / OPTIMIZER_FILE) == {}
    read_optimizer(tmp_path, trained.optimizer, trained.model)
    trained.step(1)


@pytest.fixture
def saved(training, examples, inputs, tmp_path):
    trained = training(inputs.checkpoint, examples)
    trained.step(1)
    trained.save(tmp_path)
    return tmp_path


def test_a_state_of_other_data_is_refused(saved, training, examples, random_token_ids, labelled):
    more = labelled(random_token_ids(9, seed=5), np.arange(9) % 3)
    other = training(saved, more)
    table = "moment1.roberta.embeddings.word_embeddings.weight"
    with pytest.raises(UserError, match=rf"{table} \[\d+, 16\] is not of this model and this data"):
        read_optimizer(saved, other.optimizer, other.model)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("moment1.classifier.dense.weight", np.zeros((16, 15), np.float32)),
        ("moment2.classifier.dense.bias", np.zeros((), np.float32)),
        ("beta1_pow_acc.classifier.dense.bias", np.zeros(2, np.float32)),
        ("moment1.no.such.parameter", np.zeros(3, np.float32)),
        ("moment3.classifier.dense.bias", np.zeros(16, np.float32)),
        ("classifier", np.zeros(1, np.float32)),
    ],
)
def test_a_state_of_another_model_is_refused(name, values, saved, training, examples):
    tensors = load_file(saved / OPTIMIZER_FILE)
    save_file(tensors | {name: values}, saved / OPTIMIZER_FILE)
    other = training(saved, examples)
    with pytest.raises(UserError, match=rf"{name} .* is not of this model") as refused:
        read_optimizer(saved, other.optimizer, other.model)
    assert str(list(values.shape)) in refused.value.problem


@pytest.mark.parametrize("content", [None, b"", b"\x08\x00\x00\x00\x00\x00\x00\x00{}", b"x" * 99])
def test_a_damaged_file_is_an_error(content, saved, training, examples):
    (saved / OPTIMIZER_FILE).unlink()
    if content is not None:
        (saved / OPTIMIZER_FILE).write_bytes(content)
    other = training(saved, examples)
    with pytest.raises(UserError, match=rf"{OPTIMIZER_FILE} cannot be read"):
        read_optimizer(saved, other.optimizer, other.model)
