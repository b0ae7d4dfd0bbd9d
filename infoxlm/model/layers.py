"""Layers that are Paddle's in mathematics and in the names of their parameters."""

import paddle
from paddle import nn

from infoxlm.model import cpu


class InfoXLMLinear(nn.Linear):
    """A linear layer."""

    def forward(self, input: paddle.Tensor) -> paddle.Tensor:
        """``[..., in_features]`` to ``[..., out_features]``."""
        if cpu.is_cpu_fp32(input):
            return cpu.linear(input, self.weight, self.bias)
        return super().forward(input)


class InfoXLMEmbedding(nn.Embedding):
    """A table of embeddings."""

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Ids of any shape to ``[..., hidden]``."""
        if cpu.is_cpu_fp32(self.weight):
            return cpu.embedding(x, self.weight)
        return super().forward(x)


class InfoXLMDropout(nn.Dropout):
    """Dropout in training, and nothing at all otherwise.

    Paddle's own stays in an exported model as an operation that copies its input, and keeps its
    neighbours from being fused.
    """

    def forward(self, input: paddle.Tensor) -> paddle.Tensor:
        """Any shape."""
        return super().forward(input) if self.training else input
