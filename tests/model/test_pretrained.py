import json

import numpy as np
import paddle
import pytest
from safetensors.numpy import load_file, save_file

from infoxlm import (
    InfoXLMConfig,
    InfoXLMForMaskedLM,
    InfoXLMForQuestionAnswering,
    InfoXLMForSequenceClassification,
    InfoXLMModel,
)
from infoxlm.errors import UserError


@pytest.fixture
def saved(tiny_model, tmp_path):
    """Saves a tiny model and gives back the model and its folder."""

    def save(kind="InfoXLMForSequenceClassification", **changes):
        model = tiny_model(kind, **changes)
        model.save_pretrained(tmp_path / "model")
        return model, tmp_path / "model"

    return save


def edit(folder, change):
    """Change the tensors of a saved folder in place."""
    state = load_file(folder / "model.safetensors")
    change(state)
    save_file(state, folder / "model.safetensors", metadata={"format": "np"})


def state_of(model):
    return {name: value.numpy() for name, value in model.state_dict().items()}


@pytest.mark.parametrize(
    "model_class",
    [
        InfoXLMModel,
        InfoXLMForSequenceClassification,
        InfoXLMForQuestionAnswering,
        InfoXLMForMaskedLM,
    ],
)
def test_every_weight_survives_the_disk(model_class, saved):
    model, folder = saved(model_class.__name__)
    assert {path.name for path in folder.iterdir()} == {"config.json", "model.safetensors"}
    config = json.loads((folder / "config.json").read_text())
    assert config["architectures"] == [model_class.__name__.replace("InfoXLM", "XLMRoberta")]
    assert config["model_type"] == "xlm-roberta"
    before, after = state_of(model), state_of(model_class.from_pretrained(folder))
    assert before.keys() == after.keys()
    for name in before:
        np.testing.assert_array_equal(after[name], before[name], err_msg=name)


def test_the_encoder_can_be_taken_out_of_a_classifier_and_put_under_a_head(saved, tmp_path):
    classifier, folder = saved()
    encoder = InfoXLMModel.from_pretrained(folder)
    encoder.save_pretrained(tmp_path / "encoder")
    back = InfoXLMForSequenceClassification.from_pretrained(tmp_path / "encoder")
    for name, value in state_of(classifier.roberta).items():
        np.testing.assert_array_equal(state_of(encoder)[name], value, err_msg=name)
        np.testing.assert_array_equal(state_of(back.roberta)[name], value, err_msg=name)


def test_half_precision_weights_are_read_as_float32(saved):
    model, folder = saved()
    edit(folder, lambda state: state.update({k: v.astype("f2") for k, v in state.items()}))
    for name, parameter in InfoXLMForSequenceClassification.from_pretrained(
        folder
    ).named_parameters():
        assert parameter.dtype == paddle.float32
        expected = dict(model.named_parameters())[name].numpy().astype("f2").astype("f4")
        np.testing.assert_array_equal(parameter.numpy(), expected)


def test_a_missing_head_is_drawn_and_named(saved, caplog):
    encoder, folder = saved("InfoXLMModel", hidden_size=64)
    caplog.set_level("INFO")
    paddle.seed(1)
    model = InfoXLMForSequenceClassification.from_pretrained(folder, num_labels=3)
    assert "has no classifier" in caplog.text
    head = model.classifier
    assert head.dense.weight.numpy().std() == pytest.approx(0.02, rel=0.1)
    assert abs(head.dense.weight.numpy().mean()) < 0.002
    assert 0 < np.abs(head.out_proj.weight.numpy()).max() < 0.1
    assert not head.dense.bias.numpy().any()
    assert not head.out_proj.bias.numpy().any()
    assert model.classifier.out_proj.weight.shape == [64, 3]
    for name, value in state_of(encoder).items():
        np.testing.assert_array_equal(state_of(model.roberta)[name], value, err_msg=name)
    paddle.seed(1)
    again = InfoXLMForSequenceClassification.from_pretrained(folder, num_labels=3)
    np.testing.assert_array_equal(again.classifier.dense.weight, head.dense.weight)
    paddle.seed(2)
    other = InfoXLMForSequenceClassification.from_pretrained(folder, num_labels=3)
    assert (other.classifier.dense.weight != head.dense.weight).all()


def test_a_missing_masked_lm_head_is_the_identity_norm_over_a_drawn_projection(saved):
    _, folder = saved()
    head = InfoXLMForMaskedLM.from_pretrained(folder).lm_head
    assert (head.layer_norm.weight.numpy() == 1).all()
    assert not any(x.numpy().any() for x in (head.layer_norm.bias, head.dense.bias, head.bias))
    assert head.dense.weight.numpy().any()


def test_nothing_else_may_be_missing(saved):
    model, folder = saved()
    whole = load_file(folder / "model.safetensors")
    for name in whole:
        if name.startswith("roberta."):
            edit(folder, lambda state, name=name: state.pop(name))
            with pytest.raises(UserError, match=f"model.safetensors has no {name}"):
                InfoXLMForSequenceClassification.from_pretrained(folder)
            edit(folder, lambda state: state.update(whole))


def test_half_a_model_is_not_taken_for_a_whole_one(saved):
    _, folder = saved()
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 1}))
    with pytest.raises(UserError, match="has 2 layers, its config.json says num_hidden_layers 1"):
        InfoXLMForSequenceClassification.from_pretrained(folder)


def test_names_with_and_without_the_encoder_s_prefix_are_one(saved):
    model, folder = saved()
    edit(folder, lambda state: state.update({
        name.removeprefix("roberta."): state.pop(name) for name in list(state)
    }))  # fmt: skip
    back = InfoXLMForSequenceClassification.from_pretrained(folder)
    for name, value in state_of(model).items():
        np.testing.assert_array_equal(state_of(back)[name], value, err_msg=name)
    name = "embeddings.LayerNorm.weight"
    edit(folder, lambda state: state.update({f"roberta.{name}": state[name] * 2}))
    with pytest.raises(UserError, match=f"has both {name} and roberta.{name}"):
        InfoXLMForSequenceClassification.from_pretrained(folder)


def test_what_has_no_place_in_the_model_is_refused(saved):
    _, folder = saved()
    edit(folder, lambda state: state.update(projection=np.zeros(3, np.float32)))
    for kind in (InfoXLMForSequenceClassification, InfoXLMModel):
        with pytest.raises(UserError, match="holds projection without a place in XLM-R"):
            kind.from_pretrained(folder)


def linear(name, outputs):
    """The tensors of a linear layer over hidden states."""
    return {f"{name}.weight": np.ones((16, outputs), "f4"), f"{name}.bias": np.ones(outputs, "f4")}


def test_heads_of_other_tasks_are_left_out(saved):
    classifier, folder = saved()
    edit(folder, lambda state: state.update(linear("qa_outputs", 2)))
    back = state_of(InfoXLMForSequenceClassification.from_pretrained(folder))
    for name, value in state_of(classifier).items():
        np.testing.assert_array_equal(back[name], value, err_msg=name)


def test_a_head_of_another_kind_is_not_replaced_unless_asked(saved, caplog):
    caplog.set_level("INFO")
    encoder, folder = saved("InfoXLMModel")
    edit(folder, lambda state: state.update(linear("classifier", 3)))
    with pytest.raises(
        UserError, match=r"has no classifier\.dense\.weight: its head is of another"
    ):
        InfoXLMForSequenceClassification.from_pretrained(folder)
    model = InfoXLMForSequenceClassification.from_pretrained(folder, new_head=True)
    assert "is asked for a new classifier: drawn at random" in caplog.text
    assert not model.classifier.dense.bias.numpy().any()
    for name, value in state_of(encoder).items():
        np.testing.assert_array_equal(state_of(model.roberta)[name], value, err_msg=name)


def test_an_output_matrix_of_its_own_is_refused(saved):
    _, folder = saved("InfoXLMForMaskedLM")
    table = load_file(folder / "model.safetensors")["roberta.embeddings.word_embeddings.weight"]
    edit(folder, lambda state: state.update({"lm_head.decoder.weight": table}))
    InfoXLMForMaskedLM.from_pretrained(folder)
    edit(folder, lambda state: state.update({"lm_head.decoder.weight": table + 1}))
    with pytest.raises(UserError, match="decoder.weight differs from roberta.*XLM-R ties the two"):
        InfoXLMForMaskedLM.from_pretrained(folder)
    InfoXLMModel.from_pretrained(folder)  # which does not compute with it


def test_names_with_traces_of_training(saved, caplog):
    caplog.set_level("INFO")
    model, folder = saved()
    edit(folder, lambda state: state.update({
        f"module.{name}": state.pop(name) for name in list(state)
    }))  # fmt: skip
    back = InfoXLMForSequenceClassification.from_pretrained(folder)
    for name, value in state_of(model).items():
        np.testing.assert_array_equal(state_of(back)[name], value, err_msg=name)
    assert caplog.text.count("were renamed") == 1


def test_an_entry_that_paddlenlp_cannot_take_is_told(saved):
    _, folder = saved()
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"self": 1}))
    with pytest.raises(UserError, match="config.json has an entry .* 'self'"):
        InfoXLMForSequenceClassification.from_pretrained(folder)


def test_a_wrong_shape_is_told_with_both_shapes(saved):
    _, folder = saved()
    name = "roberta.encoder.layer.1.intermediate.dense.weight"
    edit(folder, lambda state: state.update({name: np.ascontiguousarray(state[name].T)}))
    with pytest.raises(UserError, match=rf"{name} has shape \[48, 16\], .* \[16, 48\]"):
        InfoXLMForSequenceClassification.from_pretrained(folder)


def test_overrides_replace_entries_of_the_configuration(saved):
    _, folder = saved()
    model = InfoXLMForSequenceClassification.from_pretrained(folder, hidden_dropout_prob=0.25)
    assert model.config.hidden_dropout_prob == 0.25
    assert model.roberta.embeddings.dropout.p == 0.25


def test_fresh_weights_are_drawn_as_bert_s():
    config = InfoXLMConfig(
        vocab_size=500, hidden_size=64, num_hidden_layers=1, num_attention_heads=4,
        intermediate_size=128, initializer_range=0.05,
    )  # fmt: skip

    def draw(seed):
        paddle.seed(seed)
        return state_of(InfoXLMForMaskedLM(config))

    state = draw(3)
    for name, value in state.items():
        if name.endswith("bias"):
            assert not value.any(), name
        elif "norm" in name.lower():
            assert (value == 1).all(), name
        elif value.size > 1000:
            # Five standard errors of the mean and of the deviation of normal numbers.
            assert abs(value.mean()) < 5 * 0.05 / value.size**0.5, name
            assert value.std() == pytest.approx(0.05, rel=5 / (2 * value.size) ** 0.5), name
            assert (np.abs(value) < 2 * 0.05).mean() == pytest.approx(0.9545, abs=0.02), name
    same, other = draw(3), draw(4)
    for name, value in state.items():
        np.testing.assert_array_equal(same[name], value, err_msg=name)
        if value.ndim == 2:
            assert (other[name] != value).any(), name
