from contextlib import nullcontext

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest

from infoxlm.model import cpu


@pytest.mark.parametrize(("rows", "classes"), [(1, 3), (7, 50), (5, 9000)])
def test_same_as_in_float32_with_all_gradients(tied_losses_beside_paddles, rows, classes):
    for one, other in tied_losses_beside_paddles(rows, classes, 16, cpu.bf16_products):
        np.testing.assert_allclose(one, other, rtol=0, atol=0.01 * np.abs(other).max())


def test_no_rows():
    x = paddle.zeros([0, 8])
    x.stop_gradient = False
    table, bias = paddle.randn([5, 8]), paddle.zeros([5])
    table.stop_gradient = False
    with cpu.bf16_products():
        losses = cpu.tied_losses(x, table, bias, paddle.zeros([0], "int64"))
    losses.sum().backward()
    assert losses.shape == [0]
    assert table.grad is None or not table.grad.any()


@pytest.mark.parametrize("frozen", ["table", "bias"])
def test_frozen_parameters_have_no_gradient(frozen):
    x, given = paddle.randn([6, 8]), {"table": paddle.randn([5, 8]), "bias": paddle.randn([5])}
    x.stop_gradient = False
    for name, tensor in given.items():
        tensor.stop_gradient = name == frozen
    with cpu.bf16_products():
        losses = cpu.tied_losses(x, *given.values(), paddle.arange(6) % 5)
    losses.sum().backward()
    assert x.grad is not None
    assert [x.grad is None for x in given.values()] == [name == frozen for name in given]


def test_a_masked_language_model(tiny_model, random_token_ids):
    """Several labels of a sequence, and one without any; the table learns at both ends."""
    model = tiny_model("InfoXLMForMaskedLM")
    ids = random_token_ids(6).padded(range(6))
    labels = np.full_like(ids, -100)
    labels[0, 1:4], labels[1, 2], labels[4, 1:3] = 7, 9, ids[4, 1:3]
    results = []
    for products in (nullcontext, cpu.bf16_products):
        model.clear_gradients()
        with products():
            losses = model.masked_losses(*map(paddle.to_tensor, (ids, labels)))
        losses.sum().backward()
        gradients = [x.grad.numpy() for x in model.parameters() if x.grad is not None]
        results.append([losses.numpy(), np.concatenate([x.ravel() for x in gradients])])
    for exact, found in zip(*results, strict=True):
        assert np.linalg.norm(found - exact) < 0.05 * np.linalg.norm(exact)


@pytest.mark.parametrize("ends", [(-5, 5), (5, -5)])
def test_the_highest_score_of_a_row_may_come_late(ends):
    """9,000 classes are added up in three pieces, whose highest scores rise, or fall."""
    rows, classes = 3, 9000
    bias = paddle.linspace(*ends, classes)
    x, table = 0.1 * paddle.randn([rows, 8]), paddle.randn([classes, 8])
    for tensor in (x, table):
        tensor.stop_gradient = False
    labels = paddle.to_tensor([5, 0, classes - 1])
    exact = F.cross_entropy(x @ table.T + bias, labels, reduction="none")
    with cpu.bf16_products():
        losses = cpu.tied_losses(x, table, bias, labels)
    np.testing.assert_allclose(losses.numpy(), exact.numpy(), atol=0.01)
    exact.sum().backward()
    expected = x.grad.numpy()
    x.clear_gradient(set_to_zero=False)
    losses.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), expected, atol=0.02 * np.abs(expected).max())


def test_classes_that_are_ruled_out():
    """All of the first piece's; a label among them has an infinite loss."""
    x, table = paddle.randn([2, 8]), paddle.randn([5000, 8])
    x.stop_gradient = table.stop_gradient = False
    bias = paddle.zeros([5000])
    bias[:4100] = -float("inf")
    with cpu.bf16_products():
        losses = cpu.tied_losses(x, table, bias, paddle.to_tensor([4500, 7]))
        own = cpu.tied_losses(x, table[4100:], bias[4100:], paddle.to_tensor([400, 7]))
    np.testing.assert_allclose(losses[0], own[0], rtol=1e-5)
    assert losses[1] == float("inf")
    losses[0].backward()
    assert x.grad.isfinite().all()


def test_two_losses_before_a_backward_pass_have_scores_of_their_own():
    table, bias, labels = paddle.randn([40, 8]), paddle.randn([40]), paddle.to_tensor([3, 5])
    inputs = [paddle.randn([2, 8]) for _ in range(2)]
    table.stop_gradient = False
    gradients = []
    for apart in (True, False):
        table.clear_gradient(False)
        for x in inputs:
            x.stop_gradient = False
            x.clear_gradient(False)
        with cpu.bf16_products():
            if apart:
                for x, factor in zip(inputs, (1, 3), strict=True):
                    (factor * cpu.tied_losses(x, table, bias, labels).sum()).backward()
            else:
                first, second = (cpu.tied_losses(x, table, bias, labels) for x in inputs)
                (first.sum() + 3 * second.sum()).backward()
        gradients.append([table.grad.numpy(), *(x.grad.numpy() for x in inputs)])
    for one, other in zip(*gradients, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_a_score_that_is_no_number_is_in_the_loss():
    x, table, bias = paddle.randn([2, 8]), paddle.randn([40, 8]), paddle.zeros([40])
    x.stop_gradient = table.stop_gradient = False
    bias[30] = float("nan")
    with cpu.bf16_products():
        losses = cpu.tied_losses(x, table, bias, paddle.to_tensor([0, 30]))
    assert losses.isnan().all()
