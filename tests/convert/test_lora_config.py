import json
import math

import pytest

from infoxlm.convert.lora_config import is_adapter_folder, read_lora_config
from infoxlm.errors import UserError

PLAIN = {
    "base_model_name_or_path": "owner/name", "bias": "none", "fan_in_fan_out": False,
    "init_lora_weights": True, "lora_alpha": 16, "lora_dropout": 0.1, "loftq_config": {},
    "megatron_core": "megatron.core", "modules_to_save": ["classifier", "score"],
    "peft_type": "LORA", "qalora_group_size": 16, "r": 8, "target_modules": ["query"],
    "use_dora": False, "use_rslora": False,
}  # fmt: skip


@pytest.fixture
def write(tmp_path):
    def written(content):
        text = content if isinstance(content, str) else json.dumps(content)
        (tmp_path / "adapter_config.json").write_text(text)
        return tmp_path

    return written


def test_plain_adapter(write):
    config = read_lora_config(write(PLAIN))
    assert (config.base, config.revision) == ("owner/name", None)
    assert config.saved == ("classifier", "score")
    assert config.scale("roberta.encoder.layer.0.attention.self.query", 8) == 2


def test_scale_divides_by_the_root_when_asked(write):
    config = read_lora_config(write(PLAIN | {"use_rslora": True}))
    assert config.scale("query", 8) == pytest.approx(16 / math.sqrt(8))


def test_scale_of_named_layers(write):
    patterns = {"layer.1.attention.self.query": 4, "value": 2, "uery": 1}
    config = read_lora_config(write(PLAIN | {"alpha_pattern": patterns}))
    layer = "roberta.encoder.layer.{}.attention.self.{}"
    assert config.scale(layer.format(1, "query"), 2) == 2
    assert config.scale(layer.format(11, "query"), 2) == 8  # neither layer.1 nor uery
    assert config.scale(layer.format(0, "value"), 2) == 1
    assert config.scale("value", 2) == 1


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"peft_type": "IA3"}, "peft_type is 'IA3', not 'LORA'.*merge_and_unload"),
        ({"use_dora": True}, "use_dora is True, not left out as in plain LoRA.*merge_and_unload"),
        ({"bias": "all"}, "bias is 'all'"),
        ({"lora_bias": True}, "lora_bias is True"),
        ({"init_lora_weights": "pissa"}, "init_lora_weights is 'pissa'"),
        ({"layer_replication": [[0, 2]]}, "layer_replication"),
        ({"something_new": {"a": 1}}, "something_new"),
        ({"alpha_pattern": {"^a": 1}}, "alpha_pattern.*expressions are not followed"),
        ({"alpha_pattern": {"a": "b"}}, "alpha_pattern"),
        ({"r": 0}, "r is 0, not a positive whole number.*Correct adapter_config.json"),
        ({"lora_alpha": "16"}, "lora_alpha is '16', not a number"),
        ({"lora_alpha": None}, "lora_alpha is None, not a number"),
        ({"modules_to_save": "classifier"}, "modules_to_save is 'classifier', not a list"),
        ({"revision": 1}, "revision is 1, not a text"),
        ({"base_model_name_or_path": None}, "does not say which model the adapter belongs to"),
    ],
)
def test_what_cannot_be_merged_is_refused(changes, told, write):
    folder = write(PLAIN | changes)
    with pytest.raises(UserError, match=told) as error:
        read_lora_config(folder)
    assert str(folder / "adapter_config.json") in str(error.value)
    if "base_model_name_or_path" not in changes:
        assert "an adapter of owner/name" in str(error.value)


@pytest.mark.parametrize(("content", "told"), [("{", "is damaged: "), ("[]", "not a JSON object")])
def test_damaged(content, told, write):
    with pytest.raises(UserError, match=told):
        read_lora_config(write(content))


def test_folders(write, tmp_path):
    assert not is_adapter_folder(tmp_path)
    assert is_adapter_folder(write(PLAIN))
