"""Dropout that is gone where nothing is dropped."""

import paddle
from paddle import nn


class InfoXLMDropout(nn.Dropout):
    """Dropout in training, and nothing at all otherwise.

    Paddle's own stays in an exported model as an operation that copies its input, and keeps its
    neighbours from being fused.
    """

    def forward(self, input: paddle.Tensor) -> paddle.Tensor:
        """Any shape."""
        return super().forward(input) if self.training else input
