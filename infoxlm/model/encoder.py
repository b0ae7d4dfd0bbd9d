"""The transformer blocks of XLM-R: post-norm, absolute positions, exact GELU."""

import math

import paddle
import paddle.nn.functional as F
from paddle import nn
from paddle.distributed.fleet.utils import recompute

from infoxlm.model.configuration import InfoXLMConfig


class InfoXLMSelfAttention(nn.Layer):
    """Scaled dot-product attention (Vaswani et al. 2017) over several heads."""

    def __init__(self, config: InfoXLMConfig) -> None:
        super().__init__()
        self.num_heads = config.num_attention_heads
        self.head_size = config.hidden_size // config.num_attention_heads
        self.query = nn.Linear(config.hidden_size, config.hidden_size)
        self.key = nn.Linear(config.hidden_size, config.hidden_size)
        self.value = nn.Linear(config.hidden_size, config.hidden_size)
        self.dropout = nn.Dropout(config.attention_probs_dropout_prob)

    def _heads(self, states: paddle.Tensor) -> paddle.Tensor:
        """Split ``[batch, seq, hidden]`` into ``[batch, heads, seq, head_size]``."""
        return states.reshape([0, 0, self.num_heads, self.head_size]).transpose([0, 2, 1, 3])

    def forward(self, hidden_states: paddle.Tensor, attention_bias: paddle.Tensor) -> paddle.Tensor:
        """Mix ``[batch, seq, hidden]`` along seq; the bias ``[batch, 1, 1, seq]`` hides padding."""
        query = self._heads(self.query(hidden_states))
        key = self._heads(self.key(hidden_states))
        value = self._heads(self.value(hidden_states))
        scores = paddle.matmul(query * (1 / math.sqrt(self.head_size)), key, transpose_y=True)
        probabilities = self.dropout(F.softmax(scores + attention_bias, axis=-1))
        context = paddle.matmul(probabilities, value).transpose([0, 2, 1, 3])
        return context.flatten(start_axis=2)


class InfoXLMResidual(nn.Layer):
    """A sub-layer's last third: project, drop out, add the sub-layer's input, normalise."""

    def __init__(self, in_features: int, config: InfoXLMConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(in_features, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, epsilon=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, states: paddle.Tensor, residual: paddle.Tensor) -> paddle.Tensor:
        """Combine ``[batch, seq, in_features]`` with the residual ``[batch, seq, hidden]``."""
        return self.LayerNorm(self.dropout(self.dense(states)) + residual)


class InfoXLMAttention(nn.Layer):
    """Self-attention with its output projection, under XLM-RoBERTa's parameter names."""

    def __init__(self, config: InfoXLMConfig) -> None:
        super().__init__()
        self.self = InfoXLMSelfAttention(config)
        self.output = InfoXLMResidual(config.hidden_size, config)

    def forward(self, hidden_states: paddle.Tensor, attention_bias: paddle.Tensor) -> paddle.Tensor:
        """Attend and add; ``[batch, seq, hidden]`` in and out."""
        return self.output(self.self(hidden_states, attention_bias), hidden_states)


class InfoXLMIntermediate(nn.Layer):
    """The widening half of the feed-forward sub-layer."""

    def __init__(self, config: InfoXLMConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.intermediate_size)

    def forward(self, hidden_states: paddle.Tensor) -> paddle.Tensor:
        """``[batch, seq, hidden]`` to ``[batch, seq, intermediate]``."""
        return F.gelu(self.dense(hidden_states))


class InfoXLMLayer(nn.Layer):
    """One block: attention, then feed-forward, each with residual and LayerNorm."""

    def __init__(self, config: InfoXLMConfig) -> None:
        super().__init__()
        self.attention = InfoXLMAttention(config)
        self.intermediate = InfoXLMIntermediate(config)
        self.output = InfoXLMResidual(config.intermediate_size, config)

    def forward(self, hidden_states: paddle.Tensor, attention_bias: paddle.Tensor) -> paddle.Tensor:
        """``[batch, seq, hidden]`` in and out."""
        attended = self.attention(hidden_states, attention_bias)
        return self.output(self.intermediate(attended), attended)


class InfoXLMEncoder(nn.Layer):
    """The stack of blocks."""

    def __init__(self, config: InfoXLMConfig) -> None:
        super().__init__()
        self.recompute = config.recompute
        self.layer = nn.LayerList([InfoXLMLayer(config) for _ in range(config.num_hidden_layers)])

    def forward(
        self, hidden_states: paddle.Tensor, attention_bias: paddle.Tensor
    ) -> list[paddle.Tensor]:
        """Run every block.

        Returns:
            The input and each block's output, ``num_hidden_layers + 1`` times
            ``[batch, seq, hidden]``: index 0 is the embeddings, index 7 the output of block 7.
        """
        states = [hidden_states]
        for block in self.layer:
            if self.recompute and self.training:
                states.append(recompute(block, states[-1], attention_bias))
            else:
                states.append(block(states[-1], attention_bias))
        return states
