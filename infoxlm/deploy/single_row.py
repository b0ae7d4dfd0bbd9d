"""The classifier for one sequence at a time, in Paddle's native operations for CPUs.

Of the time of a single pair, a third goes to starting operations: the general graph has thirteen a
block. With one sequence there is no padding to hide, so that attention is one operation; and a
bias, a residual and LayerNorm are one as well. That leaves six. These kernels need AVX-512.
"""

import math

import paddle
import paddle.nn.functional as F
from paddle import _C_ops
from paddle.incubate.nn.functional import fused_layer_norm

from infoxlm.model import InfoXLMForSequenceClassification
from infoxlm.model.encoder import InfoXLMLayer, InfoXLMResidual


def single_row_logits(
    model: InfoXLMForSequenceClassification, input_ids: paddle.Tensor
) -> paddle.Tensor:
    """Score one sequence while a static graph is traced.

    Args:
        model: In evaluation mode.
        input_ids: Token ids `[1, seq]` without padding.

    Returns:
        Logits `[1, labels]`.
    """
    states = model.roberta.embeddings(input_ids)
    blocks = model.roberta.encoder.layer
    for number, block in enumerate(blocks):
        states = _block(block, states, first_token_only=number + 1 == len(blocks))
    return model.classifier(states)


def _block(block: InfoXLMLayer, states: paddle.Tensor, first_token_only: bool) -> paddle.Tensor:
    """One block: `[1, seq, hidden]` to the same, or to `[1, 1, hidden]`."""
    attention = block.attention.self
    parts = (attention.query, attention.key, attention.value)
    # Put together once, when the graph is loaded.
    weight = paddle.concat([part.weight for part in parts], axis=1)
    bias = paddle.concat([part.bias for part in parts])
    heads, size = attention.num_heads, attention.head_size
    projected = _linear(states, weight, bias).reshape([1, -1, 3, heads, size])
    context = _C_ops.self_dp_attention(projected, 1 / math.sqrt(size), heads)
    context = context.reshape([1, -1, heads * size])
    if first_token_only:
        context, states = context[:, :1], states[:, :1]
    attended = _residual(block.attention.output, context, states)
    dense = block.intermediate.dense
    return _residual(block.output, F.gelu(_linear(attended, dense.weight, dense.bias)), attended)


def _linear(x: paddle.Tensor, weight: paddle.Tensor, bias: paddle.Tensor) -> paddle.Tensor:
    """``x @ weight + bias`` of `[1, seq, in]`."""
    return _C_ops.fc(x, weight, bias, 2, "", False)


def _residual(layer: InfoXLMResidual, x: paddle.Tensor, residual: paddle.Tensor) -> paddle.Tensor:
    """Compute the residual layer as it is outside of training."""
    norm = layer.LayerNorm
    return fused_layer_norm(
        paddle.matmul(x, layer.dense.weight),
        norm.weight,
        norm.bias,
        norm._epsilon,
        begin_norm_axis=2,
        bias=layer.dense.bias,
        residual=residual,
    )[0]
