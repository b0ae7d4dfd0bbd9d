"""A model with bfloat16 products against itself in float32: the same draws of dropout."""

import numpy as np
import paddle
import pytest
from paddle.nn import functional as F

from infoxlm.errors import UserError
from infoxlm.model.cpu import bf16_products
from infoxlm.model.cpu.bf16 import block, gradients
from infoxlm.model.cpu.bf16.half import Half
from infoxlm.model.cpu.bf16.onednn import multiply

#: What rounding to eight binary digits in every product of two blocks may change: of the logits, of
#: the whole gradient, of one parameter's.
LOGITS, GRADIENT, PARAMETER = 0.05, 0.05, 0.2


def shaped(tiny_model, **changes):
    sizes = {"hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 80}
    sizes |= {"max_position_embeddings": 600}
    return tiny_model(**{**sizes, **changes})


def computed(model, input_ids, *, bf16, seed=5, **options):
    """Logits, and the gradient of every parameter."""
    paddle.seed(seed)
    model.clear_gradients()
    labels = paddle.arange(len(input_ids)) % 3
    if bf16:
        with bf16_products():
            logits = model(input_ids, **options).logits
    else:
        logits = model(input_ids, **options).logits
    F.cross_entropy(logits, labels).backward()
    gradients = {x: p.grad.numpy() for x, p in model.named_parameters() if p.grad is not None}
    return logits.numpy(), gradients


def assert_close(found, expected):
    assert found[1].keys() == expected[1].keys()
    scale = np.abs(expected[0]).max()
    np.testing.assert_allclose(found[0], expected[0], rtol=0, atol=LOGITS * scale)
    total = np.sqrt(sum((x**2).sum() for x in expected[1].values()))
    apart = {name: np.linalg.norm(found[1][name] - x) for name, x in expected[1].items()}
    assert np.sqrt(sum(x**2 for x in apart.values())) < GRADIENT * total
    for name, gradient in expected[1].items():
        # The gradient of the key's bias is rounding and nothing else.
        norm = max(float(np.linalg.norm(gradient)), 1e-2 * total)
        assert apart[name] < PARAMETER * norm, name


@pytest.mark.parametrize("dropout", [0.0, 0.1])
@pytest.mark.parametrize("longest", [3, 20, 300])
@pytest.mark.parametrize("heads", [1, 2, 4])
def test_same_as_in_float32(tiny_model, random_token_ids, dropout, longest, heads):
    model = shaped(
        tiny_model,
        num_attention_heads=heads,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
    )
    model.train()
    ids = random_token_ids(7, longest=max(4, longest)).padded(range(7))
    input_ids = paddle.to_tensor(ids)
    for options in ({}, {"output_hidden_states": True}):
        expected = computed(model, input_ids, bf16=False, **options)
        assert_close(computed(model, input_ids, bf16=True, **options), expected)


def test_every_product_of_the_blocks_is_bf16(tiny_model, random_token_ids, monkeypatch):
    """Six matrices a block, forward and for two gradients; and attention's own are `bf16.c`'s."""
    model, seen = shaped(tiny_model), []
    input_ids = paddle.to_tensor(random_token_ids(9).padded(range(9)))
    for module in (block, gradients):
        monkeypatch.setattr(
            module, "multiply", lambda *x, **y: seen.append(type(x[0])) or multiply(*x, **y)
        )
    for name in ("paddle.addmm", "paddle.matmul", "infoxlm.model.cpu.compiled.attention.call"):
        monkeypatch.setattr(name, None)
    computed(model, input_ids, bf16=True)
    assert seen == [Half] * 18 * 2


def test_the_first_token_alone_has_the_same_logits(tiny_model, random_token_ids):
    model = shaped(tiny_model)
    input_ids = paddle.to_tensor(random_token_ids(9).padded(range(9)))
    mask = (input_ids != 1).astype("int64")
    found = [
        computed(model, input_ids, bf16=True, **options)[0]
        for options in ({}, {"attention_mask": mask}, {"output_hidden_states": True})
    ]
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], rtol=0, atol=1e-5 * np.abs(found[0]).max())


def test_evaluation_computes_what_training_does_without_dropout(tiny_model, random_token_ids):
    model = shaped(tiny_model)
    input_ids = paddle.to_tensor(random_token_ids(9).padded(range(9)))
    learned = computed(model, input_ids, bf16=True)[0]
    with paddle.no_grad(), bf16_products():
        np.testing.assert_array_equal(model(input_ids).logits.numpy(), learned)


def test_the_same_bits_again_and_in_any_company(tiny_model, random_token_ids):
    model, tokens = shaped(tiny_model), random_token_ids(9)
    with paddle.no_grad(), bf16_products():
        whole, again = (
            model(paddle.to_tensor(tokens.padded(range(9)))).logits.numpy() for _ in range(2)
        )
        np.testing.assert_array_equal(whole, again)
        alone = model(paddle.to_tensor(tokens.padded([4]))).logits.numpy()
    np.testing.assert_allclose(alone[0], whole[4], rtol=0, atol=1e-5 * np.abs(whole).max())


def test_recomputed_activations_see_the_same_dropout(tiny_model, random_token_ids):
    input_ids = paddle.to_tensor(random_token_ids(9).padded(range(9)))
    found = []
    for recompute in (False, True):
        drop = {"hidden_dropout_prob": 0.2, "attention_probs_dropout_prob": 0.2}
        model = shaped(tiny_model, recompute=recompute, **drop)
        model.train()
        found.append(computed(model, input_ids, bf16=True))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    for name, gradient in found[0][1].items():
        np.testing.assert_array_equal(found[1][1][name], gradient, err_msg=name)


def test_gradients_of_micro_batches_add_up(tiny_model, random_token_ids):
    model = shaped(tiny_model)
    input_ids = paddle.to_tensor(random_token_ids(9).padded(range(9)))
    once = computed(model, input_ids, bf16=True)[1]
    with bf16_products():
        loss = F.cross_entropy(model(input_ids).logits, paddle.arange(9) % 3)
    loss.backward()
    for name, parameter in model.named_parameters():
        if name in once:
            np.testing.assert_allclose(parameter.grad.numpy(), 2 * once[name], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("frozen", ["embeddings", "query", "LayerNorm", "bias"])
def test_frozen_parameters_have_no_gradient(tiny_model, random_token_ids, frozen):
    model = shaped(tiny_model)
    for name, parameter in model.named_parameters():
        parameter.stop_gradient = frozen in name
    input_ids = paddle.to_tensor(random_token_ids(9).padded(range(9)))
    expected = computed(model, input_ids, bf16=False)
    found = computed(model, input_ids, bf16=True)
    assert_close(found, expected)
    assert not any(frozen in name for name in found[1])


def test_heads_of_an_odd_size_are_refused(tiny_model, random_token_ids):
    model = tiny_model(hidden_size=9, num_attention_heads=3)
    with bf16_products(), pytest.raises(UserError, match="heads of 3 elements, an odd number"):
        model(paddle.to_tensor(random_token_ids(2).padded(range(2))))
