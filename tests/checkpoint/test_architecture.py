import pytest

from infoxlm.checkpoint.architecture import class_names, expected_tensors, present_parts


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (("roberta.pooler",), "XLMRobertaModel"),
        (("classifier",), "XLMRobertaForSequenceClassification"),
        (("lm_head",), "XLMRobertaForMaskedLM"),
        (("linear classifier",), "XLMRobertaForTokenClassification"),
        (("roberta.pooler", "linear classifier"), "XLMRobertaForMultipleChoice"),
        (("qa_outputs",), "XLMRobertaForQuestionAnswering"),
    ],
)
def test_the_tensors_are_those_of_transformers(parts, name, tiny_torch_config):
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("torch")
    labels = {} if "qa_outputs" in parts else {"id2label": {"0": "a", "1": "b", "2": "c"}}
    config = {**tiny_torch_config, **labels, "architectures": [name]}
    assert class_names(parts, config) == [name]
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
    assert present_parts(ours) == parts
