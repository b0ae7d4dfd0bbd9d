"""Dropout, residual and LayerNorm behind a bfloat16 product; all of it is float32."""

from typing import NamedTuple

import paddle
from paddle import nn

from infoxlm.model.cpu.bf16.gradients import gradient_of
from infoxlm.model.cpu.bf16.library import call_bf16
from infoxlm.model.cpu.compiled.library import ROWS, Dropout, call


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
        rows, width = self.normal.shape
        of_states, of_residual = paddle.empty_like(self.normal), paddle.empty_like(self.normal)
        sums = paddle.empty([-(-rows // ROWS), 2, width])
        call(
            "residual_norm_gradient", rows, width, gradient, self.normal, self.inverse,
            self.layer.weight, self.drop, of_states, of_residual, sums,
        )  # fmt: skip
        call_bf16(
            "add_pieces", len(sums), width, sums,
            gradient_of(self.layer.weight), gradient_of(self.layer.bias),
        )  # fmt: skip
        return of_states, of_residual


def residual_norm(
    states: paddle.Tensor,
    residual: paddle.Tensor,
    layer: nn.LayerNorm,
    dropout: float,
    keep: bool,
) -> tuple[paddle.Tensor, Norm | None]:
    """``layer_norm(dropout(states) + residual)``.

    Args:
        states: float32, at least as many numbers as `residual`.
        residual: float32 ``[rows, hidden]``.
        layer: LayerNorm's parameters.
        dropout: Probability of a state to become 0.
        keep: Whether there will be a backward pass.

    Returns:
        float32 ``[rows, hidden]``, and what the backward pass needs.
    """
    rows, width = residual.shape
    drop, out = Dropout.of(dropout), paddle.empty_like(residual)
    normal = paddle.empty_like(residual) if keep else None
    inverse = paddle.empty([rows]) if keep else None
    call(
        "residual_norm", rows, width, states, residual, layer.weight, layer.bias,
        float(layer._epsilon), drop, out, normal, inverse,
    )  # fmt: skip
    if normal is None or inverse is None:
        return out, None
    return out, Norm(layer, drop, normal, inverse)
