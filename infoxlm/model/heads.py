"""The heads on top of the encoder: a sentence classifier, or the masked-LM head."""

import paddle
import paddle.nn.functional as F
from paddle import nn

from infoxlm.model import cpu
from infoxlm.model.configuration import InfoXLMConfig
from infoxlm.model.layers import InfoXLMDropout, InfoXLMLinear
from infoxlm.model.losses import cross_entropy


class InfoXLMClassificationHead(nn.Layer):
    """RoBERTa's classifier over the first token ``<s>``: dense, tanh, projection."""

    def __init__(self, config: InfoXLMConfig) -> None:
        super().__init__()
        dropout = config.classifier_dropout
        self.dropout = InfoXLMDropout(config.hidden_dropout_prob if dropout is None else dropout)
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.out_proj = nn.Linear(config.hidden_size, config.num_labels)

    def forward(self, hidden_states: paddle.Tensor) -> paddle.Tensor:
        """Score ``[batch, seq, hidden]`` as logits ``[batch, num_labels]``."""
        first = self.dropout(hidden_states[:, 0])
        return self.out_proj(self.dropout(paddle.tanh(self.dense(first))))


class InfoXLMLMHead(nn.Layer):
    """The masked-LM head; its output matrix is the word-embedding table."""

    def __init__(self, config: InfoXLMConfig) -> None:
        super().__init__()
        self.dense = InfoXLMLinear(config.hidden_size, config.hidden_size)
        self.layer_norm = nn.LayerNorm(config.hidden_size, epsilon=config.layer_norm_eps)
        self.bias = self.create_parameter([config.vocab_size], is_bias=True)

    def forward(
        self,
        hidden_states: paddle.Tensor,
        word_embeddings: paddle.Tensor,
        ids: paddle.Tensor | None = None,
    ) -> paddle.Tensor:
        """Score every token of the vocabulary, or some.

        Args:
            hidden_states: ``[..., hidden]``.
            word_embeddings: The table ``[vocab, hidden]``.
            ids: The tokens to score, int64 ``[ids]``; None: all.

        Returns:
            Logits ``[..., vocab]``, or ``[..., ids]``.
        """
        bias = self.bias
        if ids is not None:
            word_embeddings, bias = word_embeddings.index_select(ids), bias.index_select(ids)
        return self._scores(self._transformed(hidden_states), word_embeddings, bias)

    def losses(
        self, hidden_states: paddle.Tensor, word_embeddings: paddle.Tensor, labels: paddle.Tensor
    ) -> paddle.Tensor:
        """Compute the cross-entropy of tokens among the whole vocabulary.

        Args:
            hidden_states: ``[tokens, hidden]``.
            word_embeddings: The table ``[vocab, hidden]``.
            labels: The right ones, int64 ``[tokens]``.

        Returns:
            float32 ``[tokens]``.
        """
        states = self._transformed(hidden_states)
        if cpu.is_cpu_fp32(states):
            return cpu.tied_losses(states, word_embeddings, self.bias, labels)
        return cross_entropy(self._scores(states, word_embeddings, self.bias), labels)

    def _transformed(self, hidden_states: paddle.Tensor) -> paddle.Tensor:
        return self.layer_norm(F.gelu(self.dense(hidden_states)))

    def _scores(
        self, states: paddle.Tensor, table: paddle.Tensor, bias: paddle.Tensor
    ) -> paddle.Tensor:
        if cpu.is_cpu_fp32(states):
            return cpu.tied_linear(states, table, bias)
        return paddle.matmul(states, table, transpose_y=True) + bias
