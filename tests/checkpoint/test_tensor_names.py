import pytest

from infoxlm.checkpoint.tensor_names import canonical_name, unwrapped_name


@pytest.mark.parametrize(
    ("stored", "canonical"),
    [
        ("embeddings.LayerNorm.weight", "roberta.embeddings.LayerNorm.weight"),
        ("roberta.embeddings.LayerNorm.gamma", "roberta.embeddings.LayerNorm.weight"),
        ("lm_head.layer_norm.beta", "lm_head.layer_norm.bias"),
        ("module.encoder.layer.0.output.dense.bias", "roberta.encoder.layer.0.output.dense.bias"),
        ("_orig_mod.module.classifier.dense.bias", "classifier.dense.bias"),
        ("pooler.dense.weight", "roberta.pooler.dense.weight"),
        # These only look like it.
        ("classifier.gamma", "classifier.gamma"),
        ("classifier.modules_to_save.dense.bias", "classifier.modules_to_save.dense.bias"),
        ("my_module.dense.bias", "my_module.dense.bias"),
    ],
)
def test_names(stored, canonical):
    assert canonical_name(stored) == canonical
    assert canonical_name(canonical) == canonical
    assert unwrapped_name(canonical) == canonical
