"""Gradients of parameters, which the product that computes them adds to what is there.

Handed to Paddle, the gradient of each micro-batch is an array of its own that Paddle's one thread
adds to the last: as much memory again as the largest parameter, and three passes over it.
"""

from dataclasses import dataclass
from typing import TypeAlias

import paddle

from infoxlm.model.cpu.compiled.compiler import library
from infoxlm.model.cpu.compiled.library import call

Factors: TypeAlias = tuple[paddle.Tensor, paddle.Tensor]


@dataclass(frozen=True, eq=False)
class Learned:
    """The parameters of an operation that adds to their ``.grad`` itself.

    `paddle.grad` does not see them; ``backward()`` does.

    Attributes:
        weight: A matrix; None where it is not learned.
        bias: A vector; None where it is not learned.
    """

    weight: paddle.Tensor | None
    bias: paddle.Tensor | None

    @classmethod
    def of(cls, x: paddle.Tensor, weight: paddle.Tensor, bias: paddle.Tensor) -> "Learned | None":
        """What an operation on `x` learns; None where nothing or where Paddle has to see it.

        Without a gradient of `x` Paddle would not call the operation's backward pass.
        """
        if x.stop_gradient or not paddle.is_grad_enabled():
            return None
        learned = [None if tensor.stop_gradient else tensor for tensor in (weight, bias)]
        return cls(*learned) if any(tensor is not None for tensor in learned) else None

    @paddle.no_grad()
    def add(self, of_weight: Factors, of_bias: Factors) -> None:
        """Add gradients, each given as what it is the product of, the first one transposed.

        Args:
            of_weight: ``[rows, n]`` and ``[rows, m]``.
            of_bias: ``[rows, 1]`` and ``[rows, width]``.
        """
        if self.weight is not None:
            add_product(self.weight, *of_weight)
        if self.bias is not None:
            add_product(self.bias, *of_bias)


def add_product(parameter: paddle.Tensor, left: paddle.Tensor, right: paddle.Tensor) -> None:
    """Add ``left.T @ right`` to a parameter's ``.grad``.

    Args:
        parameter: ``[n, m]``, or ``[m]`` where n is 1.
        left: ``[rows, n]``.
        right: ``[rows, m]``.
    """
    if parameter.grad is not None and library() is not None:
        call("add_product", left.shape[0], left.shape[1], right.shape[1], left, right,
             parameter.grad)  # fmt: skip
        return
    product = paddle.matmul(left, right, transpose_x=True).reshape(parameter.shape)
    if parameter.grad is None:
        parameter.grad = product
    else:
        parameter.grad.add_(product)


def sum_of_rows(rows: paddle.Tensor) -> paddle.Tensor:
    """The sum of ``[rows, width]``, by a product: Paddle's own takes 30 times as long."""
    return paddle.matmul(ones_for(rows), rows, transpose_x=True).flatten()


def ones_for(rows: paddle.Tensor) -> paddle.Tensor:
    """A column of ones, one for each row."""
    return paddle.ones([rows.shape[0], 1], rows.dtype)
