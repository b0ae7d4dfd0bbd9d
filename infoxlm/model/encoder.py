"""The transformer blocks of XLM-R: post-norm, absolute positions, exact GELU."""

import math
from typing import TypeAlias

import paddle
import paddle.nn.functional as F
from paddle import nn
from paddle.distributed.fleet.utils import recompute

from infoxlm.model import cpu
from infoxlm.model.backward import keeps_errors
from infoxlm.model.configuration import InfoXLMConfig
from infoxlm.model.layers import InfoXLMDropout, InfoXLMLinear

#: The bias that hides padding, ``[batch, 1, 1, seq]``; or, of states ``[tokens, hidden]``
#: without padding, where the sequences lie, and which tokens a block is wanted of.
AttentionBias: TypeAlias = paddle.Tensor | cpu.Packing | cpu.Part


class InfoXLMSelfAttention(nn.Layer):
    """Scaled dot-product attention (Vaswani et al. 2017) over several heads."""

    def __init__(self, config: InfoXLMConfig) -> None:
        super().__init__()
        self.num_heads = config.num_attention_heads
        self.head_size = config.hidden_size // config.num_attention_heads
        self.query = InfoXLMLinear(config.hidden_size, config.hidden_size)
        self.key = InfoXLMLinear(config.hidden_size, config.hidden_size)
        self.value = InfoXLMLinear(config.hidden_size, config.hidden_size)
        self.dropout = InfoXLMDropout(config.attention_probs_dropout_prob)

    def _heads(self, states: paddle.Tensor) -> paddle.Tensor:
        """Split ``[batch, seq, hidden]`` into ``[batch, heads, seq, head_size]``."""
        return states.reshape([0, 0, self.num_heads, self.head_size]).transpose([0, 2, 1, 3])

    def forward(
        self, queried: paddle.Tensor, hidden_states: paddle.Tensor, attention_bias: AttentionBias
    ) -> paddle.Tensor:
        """Mix `hidden_states` for each of the queried states.

        Args:
            queried: ``[batch, queries, hidden]``.
            hidden_states: ``[batch, seq, hidden]``.
            attention_bias: The bias that hides padding.

        Returns:
            ``[batch, queries, hidden]``.
        """
        query, key, value = self.query(queried), self.key(hidden_states), self.value(hidden_states)
        if cpu.is_cpu_fp32(query):
            dropout = self.dropout.p if self.training else 0.0
            return cpu.attention(
                query, key, value, attention_bias, heads=self.num_heads, dropout=dropout
            )
        query, key, value = self._heads(query), self._heads(key), self._heads(value)
        scores = paddle.matmul(query * (1 / math.sqrt(self.head_size)), key, transpose_y=True)
        probabilities = self.dropout(F.softmax(scores + attention_bias, axis=-1))
        context = paddle.matmul(probabilities, value).transpose([0, 2, 1, 3])
        # Not flatten(): in exported models only reshape() is fused with the product.
        return context.reshape([0, 0, self.num_heads * self.head_size])


class InfoXLMResidual(nn.Layer):
    """A sub-layer's last third: project, drop out, add the sub-layer's input, normalise."""

    def __init__(self, in_features: int, config: InfoXLMConfig) -> None:
        super().__init__()
        self.dense = InfoXLMLinear(in_features, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, epsilon=config.layer_norm_eps)
        self.dropout = InfoXLMDropout(config.hidden_dropout_prob)

    def forward(self, states: paddle.Tensor, residual: paddle.Tensor) -> paddle.Tensor:
        """Combine ``[batch, seq, in_features]`` with the residual ``[batch, seq, hidden]``."""
        return self.add(self.dense(states), residual)

    def add(self, projected: paddle.Tensor, residual: paddle.Tensor) -> paddle.Tensor:
        """Drop out, add and normalise ``[batch, seq, hidden]``."""
        if cpu.pays_here(projected, self.training):
            return cpu.residual_norm(
                projected,
                residual,
                self.LayerNorm.weight,
                self.LayerNorm.bias,
                epsilon=self.LayerNorm._epsilon,
                dropout=self.dropout.p if self.training else 0.0,
            )
        return self.LayerNorm(self.dropout(projected) + residual)


class InfoXLMAttention(nn.Layer):
    """Self-attention with its output projection, under XLM-RoBERTa's parameter names."""

    def __init__(self, config: InfoXLMConfig) -> None:
        super().__init__()
        self.self = InfoXLMSelfAttention(config)
        self.output = InfoXLMResidual(config.hidden_size, config)

    def forward(
        self, queried: paddle.Tensor, hidden_states: paddle.Tensor, attention_bias: AttentionBias
    ) -> paddle.Tensor:
        """Attend and add: ``[batch, queries, hidden]`` over ``[batch, seq, hidden]``."""
        return self.output(self.self(queried, hidden_states, attention_bias), queried)


class InfoXLMIntermediate(nn.Layer):
    """The widening half of the feed-forward sub-layer."""

    def __init__(self, config: InfoXLMConfig) -> None:
        super().__init__()
        self.dense = InfoXLMLinear(config.hidden_size, config.intermediate_size)

    def forward(self, hidden_states: paddle.Tensor) -> paddle.Tensor:
        """``[batch, seq, hidden]`` to ``[batch, seq, intermediate]``."""
        states = self.dense(hidden_states)
        return cpu.gelu(states) if cpu.pays_here(states, self.training) else F.gelu(states)


class InfoXLMLayer(nn.Layer):
    """One block: attention, then feed-forward, each with residual and LayerNorm."""

    def __init__(self, config: InfoXLMConfig) -> None:
        super().__init__()
        self.attention = InfoXLMAttention(config)
        self.intermediate = InfoXLMIntermediate(config)
        self.output = InfoXLMResidual(config.intermediate_size, config)

    def forward(
        self,
        hidden_states: paddle.Tensor,
        attention_bias: AttentionBias,
        first_token_only: bool = False,
    ) -> paddle.Tensor:
        """``[batch, seq, hidden]`` in and out; ``[batch, 1, hidden]`` for the first token only.

        Without padding ``[tokens, hidden]`` in, and out of all tokens or of a part.
        """
        if cpu.in_bf16() and cpu.is_cpu_fp32(hidden_states):
            return cpu.bf16_block(hidden_states, attention_bias, self._layers(), first_token_only)
        queried = hidden_states
        if isinstance(attention_bias, cpu.Part):
            queried = hidden_states.index_select(paddle.to_tensor(attention_bias.places))
        elif first_token_only:
            queried = hidden_states[:, :1]
        attended = self.attention(queried, hidden_states, attention_bias)
        first, second = self.intermediate.dense, self.output.dense
        projected = cpu.feed_forward(
            attended, first.weight, first.bias, second.weight, second.bias, self.training
        )
        if projected is None:
            projected = second(self.intermediate(attended))
        return self.output.add(projected, attended)

    def _layers(self) -> cpu.BlockLayers:
        """The parameters by their place in the computation."""
        attention, attended = self.attention.self, self.attention.output
        return cpu.BlockLayers(
            query=attention.query,
            key=attention.key,
            value=attention.value,
            attended=attended.dense,
            attention_norm=attended.LayerNorm,
            widen=self.intermediate.dense,
            shrink=self.output.dense,
            norm=self.output.LayerNorm,
            heads=attention.num_heads,
            attention_dropout=attention.dropout.p if self.training else 0.0,
            dropout=self.output.dropout.p if self.training else 0.0,
        )


class InfoXLMEncoder(nn.Layer):
    """The stack of blocks."""

    def __init__(self, config: InfoXLMConfig) -> None:
        super().__init__()
        self.recompute = config.recompute
        self.layer = nn.LayerList([InfoXLMLayer(config) for _ in range(config.num_hidden_layers)])

    def forward(
        self,
        hidden_states: paddle.Tensor,
        attention_bias: AttentionBias,
        first_token_only: bool = False,
        blocks: int | None = None,
        part: cpu.Part | None = None,
    ) -> list[paddle.Tensor]:
        """Run every block.

        Args:
            hidden_states: The embeddings, ``[batch, seq, hidden]``.
            attention_bias: The bias that hides padding.
            first_token_only: Leave out what the last block's first state does not depend on.
            blocks: Run only so many of the first blocks; None: all.
            part: Without padding, the tokens that the last block is wanted of; None: all.

        Returns:
            The input and each block's output, one tensor more than there are blocks, of
            ``[batch, seq, hidden]``: index 0 is the embeddings, index 7 the output of block 7. The
            last is ``[batch, 1, hidden]`` with `first_token_only`. Without padding the shapes are
            those of a block.
        """
        states = [hidden_states]
        run = list(self.layer)[:blocks]
        # Paddle traces no enumerate(start=1).
        for number, block in enumerate(run):
            is_last = number + 1 == len(run)
            cut = first_token_only and is_last
            bias = part if is_last and part is not None else attention_bias
            if self.recompute and self.training:
                again = keeps_errors(cpu.as_here(block.__call__))  # within the backward pass
                states.append(recompute(again, states[-1], bias, cut))
            else:
                states.append(block(states[-1], bias, cut))
        return states
