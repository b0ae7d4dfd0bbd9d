import pytest

from infoxlm.checkpoint.architecture import HEADS, POOLER, expected_tensors
from infoxlm.checkpoint.names import match_names
from infoxlm.errors import UserError


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod."])
def test_every_tensor_of_every_model_finds_its_place(head, prefix, tiny_torch_config):
    expected = expected_tensors(tiny_torch_config, [head, POOLER])
    match = match_names([prefix + name for name in expected], tiny_torch_config, "model")
    assert match.expected == expected
    assert match.sources == {name: prefix + name for name in expected}
    assert set(match.parts) == {head, POOLER}
    assert len(match.renamed) == (len(expected) if prefix else 0)


@pytest.mark.parametrize("head", HEADS)
def test_every_tensor_is_missed(head, tiny_torch_config):
    names = set(expected_tensors(tiny_torch_config, [head]))
    for name in names:
        with pytest.raises(UserError, match=f"model has no {name}"):
            match_names(names - {name}, tiny_torch_config, "model")


def test_buffers_pass(tiny_torch_config):
    names = [*expected_tensors(tiny_torch_config, []), "embeddings.position_ids"]
    assert match_names(names, tiny_torch_config, "model").buffers == ("embeddings.position_ids",)
    with pytest.raises(UserError, match="holds roberta.position_ids without a place"):
        match_names([*names, "roberta.position_ids"], tiny_torch_config, "model")
