import pytest

from infoxlm.checkpoint.adapter_names import check_no_adapters
from infoxlm.checkpoint.architecture import HEADS, POOLER, expected_tensors
from infoxlm.errors import UserError

QUERY = "roberta.encoder.layer.0.attention.self.query"


@pytest.mark.parametrize("head", HEADS)
def test_no_tensor_of_a_plain_model_is_taken_for_an_adapter_s(head, tiny_torch_config):
    names = expected_tensors(tiny_torch_config, [head, POOLER])
    check_no_adapters(names, "model")
    check_no_adapters([f"module.{name}" for name in names], "model")


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        (f"{QUERY}.lora_A.weight", "merge_and_unload"),
        (f"{QUERY}.lora_embedding_B", "merge_and_unload"),
        (f"{QUERY}.lora_magnitude_vector", "merge_and_unload"),
        (f"{QUERY}.loras.xnli.lora_A", "merge_adapter"),
        (f"base_model.model.{QUERY}.weight", "merge_and_unload"),
        ("roberta.encoder.layer.0.output.adapters.xnli.adapter_up.bias", "fine-tuned whole"),
        ("roberta.prefix_tuning.pool.weight", "fine-tuned whole"),
        ("prompt_encoder.default.embedding.weight", "fine-tuned whole"),
    ],
)
def test_adapters_are_named_with_what_can_be_done(name, remedy):
    with pytest.raises(UserError, match=f"model holds .*{name}.*{remedy}"):
        check_no_adapters([f"{QUERY}.bias", name], "model")
