"""Dropout, residual and LayerNorm behind a bfloat16 product; all of it is float32."""

from typing import NamedTuple

import paddle
from paddle import nn

from infoxlm.model.cpu.bf16.gradients import gradient_of
from infoxlm.model.cpu.bf16.library import call_bf16
from infoxlm.model.cpu.compiled.library import Dropout
from infoxlm.model.cpu.compiled.residual_norm import differentiate, normalise


class Norm(NamedTuple):
    """What the backward pass needs of ``layer_norm(dropout(states) + residual)``.

    Attributes:
        layer: Its two vectors.
        drop: What was dropped out.
        normal: The normalised states, float32 ``[rows, hidden]``.
        inverse: One over each row's deviation, float32 ``[rows]``.
    """

    layer: nn.LayerNorm
    drop: Dropout | None
    normal: paddle.Tensor
    inverse: paddle.Tensor

    def backward(self, gradient: paddle.Tensor) -> tuple[paddle.Tensor, paddle.Tensor]:
        """The gradients of states and residual; those of the layer are added where they belong."""
        weight, bias = self.layer.weight, self.layer.bias
        of_states, of_residual, sums = differentiate(
            gradient, self.normal, self.inverse, weight, self.drop
        )
        pieces, _, width = sums.shape
        call_bf16("add_pieces", pieces, width, sums, gradient_of(weight), gradient_of(bias))
        return of_states, of_residual


def residual_norm(
    states: paddle.Tensor,
    added: paddle.Tensor,
    residual: paddle.Tensor,
    layer: nn.LayerNorm,
    dropout: float,
    keep: bool,
) -> tuple[paddle.Tensor, Norm | None]:
    """``layer_norm(dropout(states + added) + residual)``.

    Args:
        states: float32, at least as many numbers as `residual`.
        added: The bias of the states, float32 ``[hidden]``.
        residual: float32 ``[rows, hidden]``.
        layer: LayerNorm's parameters.
        dropout: Probability of a state to become 0.
        keep: Whether there will be a backward pass.

    Returns:
        float32 ``[rows, hidden]``, and what the backward pass needs.
    """
    drop = Dropout.of(dropout)
    out, normal, inverse = normalise(
        states, residual, layer.weight, layer.bias, float(layer._epsilon), drop, keep, added
    )
    if normal is None or inverse is None:
        return out, None
    return out, Norm(layer, drop, normal, inverse)
