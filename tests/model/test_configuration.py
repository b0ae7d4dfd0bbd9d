import pytest

from infoxlm import InfoXLMConfig
from infoxlm.errors import UserError


def test_the_defaults_are_infoxlm_base():
    config = InfoXLMConfig()
    assert config.vocab_size == 250002
    assert (config.num_hidden_layers, config.hidden_size, config.intermediate_size) == (
        12,
        768,
        3072,
    )
    assert (config.bos_token_id, config.pad_token_id, config.eos_token_id) == (0, 1, 2)
    assert config.model_type == "xlm-roberta"
    assert config.tie_word_embeddings


def test_it_survives_the_disk(tmp_path):
    config = InfoXLMConfig(hidden_size=32, num_attention_heads=4, num_labels=3)
    config.save_pretrained(str(tmp_path))
    back = InfoXLMConfig.from_pretrained(str(tmp_path))
    assert (back.hidden_size, back.num_attention_heads, back.num_labels) == (32, 4, 3)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"hidden_act": "relu"}, "hidden_act=relu"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type=relative_key"),
        ({"hidden_size": 100}, "hidden_size=100 is not a multiple of num_attention_heads=12"),
    ],
)
def test_what_the_encoder_does_not_do_is_refused(change, told):
    with pytest.raises(UserError, match=told):
        InfoXLMConfig(**change)
