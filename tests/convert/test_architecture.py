import json

import pytest

from infoxlm.convert.architecture import class_names, expected_tensors, read_config
from infoxlm.errors import UserError


@pytest.mark.parametrize("text", ["", "[]", '{"model_type": "xlm-roberta"'])
def test_damaged_files_are_refused(text, tmp_path):
    with pytest.raises(UserError, match=r"has no config\.json"):
        read_config(tmp_path)
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(UserError, match=r"config\.json is not"):
        read_config(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "bert"}, "model_type is 'bert', not 'xlm-roberta'"),
        ({"model_type": None}, "model_type is None"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type is 'relative_key'"),
        ({"hidden_size": None}, "hidden_size is None"),
        ({"vocab_size": "many"}, "vocab_size is 'many'"),
        ({"num_hidden_layers": 0}, "num_hidden_layers is 0"),
        ({"num_attention_heads": 3}, "not a multiple of num_attention_heads 3"),
    ],
)
def test_other_models_are_refused(changes, message, tmp_path, tiny_config):
    (tmp_path / "config.json").write_text(json.dumps({**tiny_config, **changes}))
    with pytest.raises(UserError, match=message) as error:
        read_config(tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (("roberta.pooler",), "XLMRobertaModel"),
        (("classifier",), "XLMRobertaForSequenceClassification"),
        (("lm_head",), "XLMRobertaForMaskedLM"),
    ],
)
def test_the_tensors_are_those_of_transformers(parts, name, tiny_config):
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("torch")
    config = {**tiny_config, "id2label": {"0": "a", "1": "b", "2": "c"}}
    assert class_names(parts) == [name]
    model = getattr(transformers, name)(
        transformers.XLMRobertaConfig(**{k: v for k, v in config.items() if k != "model_type"})
    )
    linear = {
        f"{module_name}.weight"
        for module_name, module in model.named_modules()
        if type(module).__name__ == "Linear"
    }
    prefix = "roberta." if name == "XLMRobertaModel" else ""
    theirs = {
        prefix + parameter: (tuple(tensor.shape), parameter in linear)
        for parameter, tensor in model.named_parameters()
    }
    ours = {
        key: (tensor.torch_shape, tensor.is_linear)
        for key, tensor in expected_tensors(config, parts).items()
    }
    assert ours == theirs
