import numpy as np
import paddle
import pytest

from infoxlm.data.xnli import WORDS
from infoxlm.errors import UserError
from infoxlm.model.configuration import InfoXLMConfig
from infoxlm.model.loading import (
    load_classifier,
    load_masked_lm,
    load_question_answerer,
    select_device,
)
from infoxlm.schema import ModelConfig, ShapeConfig
from infoxlm.tasks.classification.task import label_columns

HEAD = {"labels": WORDS, "task_name": "classification"}
SHAPE = ShapeConfig(
    vocab_size=80, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
)


def load(folder, vocab_size=80, max_length=38, **changes):
    return load_classifier(ModelConfig("tiny", **changes), folder, vocab_size, max_length, **HEAD)


def test_a_head_for_the_labels_is_kept_in_its_own_order(saved_model, tiny_model):
    order = {0: "contradiction", 1: "Entailment", 2: "neutral"}
    path = saved_model(id2label=order)
    model = load(path)
    assert model.config.id2label == order
    assert label_columns(model, WORDS) == [1, 2, 0]
    np.testing.assert_array_equal(
        model.classifier.out_proj.weight, tiny_model().classifier.out_proj.weight
    )


def test_an_encoder_gets_a_head_over_the_labels(saved_model):
    path = saved_model("InfoXLMModel", id2label={0: "LABEL_0", 1: "LABEL_1"})
    model = load(path)
    assert model.config.id2label == dict(enumerate(WORDS))
    assert model.config.label2id == {"entailment": 0, "neutral": 1, "contradiction": 2}
    assert model.classifier.out_proj.weight.shape == [16, 3]
    assert label_columns(model, WORDS) == [0, 1, 2]


@pytest.mark.parametrize("labels", [["LABEL_0"], ["good", "bad"], ["contradiction", *WORDS[:2]]])
def test_a_head_is_replaced_when_asked(labels, saved_model, tiny_model):
    path = saved_model(id2label=dict(enumerate(labels)))
    if len(labels) < 3:
        with pytest.raises(UserError, match="Add model.new_head=true"):
            load(path)
    model = load_classifier(ModelConfig("tiny"), path, 80, 38, **HEAD, new_head=True)
    assert model.config.id2label == dict(enumerate(WORDS))
    assert model.classifier.out_proj.weight.shape == [16, 3]
    given = tiny_model(id2label=dict(enumerate(labels)))
    assert (model.classifier.dense.weight != given.classifier.dense.weight).all()
    assert np.abs(model.classifier.dense.weight.numpy()).max() < 0.1  # drawn, not trained
    for name, value in given.roberta.state_dict().items():
        np.testing.assert_array_equal(model.roberta.state_dict()[name], value, err_msg=name)


def load_answerer(folder, vocab_size=80, max_length=38, new_head=False, **changes):
    config = ModelConfig("tiny", **changes)
    return load_question_answerer(
        config, folder, vocab_size, max_length, task_name="question_answering", new_head=new_head
    )


def test_a_head_of_question_answering_is_kept(saved_model, tiny_model):
    kind = "InfoXLMForQuestionAnswering"
    model = load_answerer(saved_model(kind), dropout=0.05, recompute=True)
    np.testing.assert_array_equal(model.qa_outputs.weight, tiny_model(kind).qa_outputs.weight)
    assert {x.p for x in model.sublayers() if isinstance(x, paddle.nn.Dropout)} == {0.05}
    assert model.roberta.encoder.recompute
    told = (model.config.task_name, model.config.train_max_length, model.config.encoder_name)
    assert told == ("question_answering", 38, "tiny")
    drawn = load_answerer(saved_model(kind), new_head=True).qa_outputs.weight.numpy()
    assert 0 < np.abs(drawn).max() < 0.1


def test_a_classifier_gives_its_encoder_when_asked(saved_model, tiny_model):
    path = saved_model()
    with pytest.raises(UserError, match="its head is classifier. Add model.new_head=true"):
        load_answerer(path)
    model = load_answerer(path, new_head=True)
    assert model.config.id2label == {0: "LABEL_0", 1: "LABEL_1"}
    for name, value in tiny_model().roberta.state_dict().items():
        np.testing.assert_array_equal(model.roberta.state_dict()[name], value, err_msg=name)
    assert "classifier" not in {name.split(".")[0] for name in model.state_dict()}


def test_an_encoder_or_a_shape_gets_a_head_of_question_answering(saved_model):
    for model in (load_answerer(saved_model("InfoXLMModel")), load_answerer(None, shape=SHAPE)):
        assert model.qa_outputs.weight.shape == [16, 2]
        assert model.config.num_labels == 2
    with pytest.raises(UserError, match="positions for 38 tokens"):
        load_answerer(saved_model("InfoXLMModel"), max_length=39)


def test_dropout_of_pre_training_is_not_that_of_fine_tuning(saved_model, tmp_path):
    given = {"hidden_dropout_prob": 0.2, "attention_probs_dropout_prob": 0.3}
    folder = saved_model("InfoXLMModel", **given)
    for source, expected in ((folder, (0.2, 0.3, None)), (None, (0.1, 0.1, None))):
        config = ModelConfig("tiny", dropout=0.0, shape=None if source else SHAPE)
        model = load_masked_lm(config, source, 80, 38, task_name="pretraining")
        assert {x.p for x in model.sublayers() if isinstance(x, paddle.nn.Dropout)} == {0.0}
        model.save_pretrained(tmp_path / "saved")
        saved = InfoXLMConfig.from_pretrained(tmp_path / "saved")
        found = (
            saved.hidden_dropout_prob, saved.attention_probs_dropout_prob, saved.classifier_dropout
        )  # fmt: skip
        assert found == expected


def test_a_shape_gives_random_weights_that_follow_from_the_seed():
    def draw(seed):
        paddle.seed(seed)
        return load(None, shape=SHAPE).state_dict()

    first, same, other = draw(1), draw(1), draw(2)
    assert first["roberta.embeddings.word_embeddings.weight"].shape == [80, 16]
    for name, value in first.items():
        np.testing.assert_array_equal(same[name], value, err_msg=name)
    changed = "roberta.encoder.layer.0.attention.self.query.weight"
    assert (first[changed] != other[changed]).any()


def test_parameters_have_the_same_names_whatever_was_built_before(saved_model):
    path = saved_model()
    names = [parameter.name for parameter in load(path).parameters()]
    paddle.nn.Linear(2, 2)
    assert [parameter.name for parameter in load(path).parameters()] == names
    assert len(set(names)) == len(names)


def test_dropout_and_recompute_are_the_configuration_s(saved_model):
    path = saved_model(hidden_dropout_prob=0.3, attention_probs_dropout_prob=0.4)
    kept = load(path).config
    assert (kept.hidden_dropout_prob, kept.attention_probs_dropout_prob) == (0.3, 0.4)
    assert not kept.recompute
    model = load(path, dropout=0.05, recompute=True)
    dropouts = [x.p for x in model.sublayers() if isinstance(x, paddle.nn.Dropout)]
    assert set(dropouts) == {0.05}
    assert model.roberta.encoder.recompute


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"vocab_size": 100_000}, "word embeddings, its tokenizer 100000 tokens"),
        ({"max_length": 39}, "data.max_length=39, but the model has positions for 38 tokens"),
    ],
)
def test_what_does_not_fit_is_refused(changes, told, saved_model):
    with pytest.raises(UserError, match=told):
        load(saved_model(), **changes)


def test_the_longest_input_allowed_can_be_computed(saved_model):
    input_ids = paddle.to_tensor([[0, *[9] * 36, 2]])
    assert np.isfinite(load(saved_model())(input_ids).logits.numpy()).all()


def test_devices():
    select_device("cpu")
    assert paddle.get_device() == "cpu"
    if not paddle.is_compiled_with_cuda():
        with pytest.raises(UserError, match="hardware.device=gpu:1: this machine has 0 GPUs"):
            select_device("gpu:1")
