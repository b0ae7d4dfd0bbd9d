"""Token ids to the encoder's first hidden states."""

import paddle
from paddle import nn

from infoxlm.model import cpu
from infoxlm.model.configuration import InfoXLMConfig
from infoxlm.model.layers import InfoXLMDropout, InfoXLMEmbedding


class InfoXLMEmbeddings(nn.Layer):
    """Word, position and token-type embeddings, summed, normalised, with dropout."""

    def __init__(self, config: InfoXLMConfig) -> None:
        super().__init__()
        self.pad_token_id = config.pad_token_id
        self.word_embeddings = InfoXLMEmbedding(config.vocab_size, config.hidden_size)
        self.position_embeddings = InfoXLMEmbedding(
            config.max_position_embeddings, config.hidden_size
        )
        self.token_type_embeddings = InfoXLMEmbedding(config.type_vocab_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, epsilon=config.layer_norm_eps)
        self.dropout = InfoXLMDropout(config.hidden_dropout_prob)

    def position_ids(self, input_ids: paddle.Tensor) -> paddle.Tensor:
        """Positions as fairseq counts them: from ``pad_token_id + 1``, padding not counted.

        Args:
            input_ids: Token ids ``[batch, seq]``.

        Returns:
            Position ids ``[batch, seq]``; padding has ``pad_token_id``.
        """
        is_token = (input_ids != self.pad_token_id).astype("int64")
        return paddle.cumsum(is_token, axis=1) * is_token + self.pad_token_id

    def forward(
        self, input_ids: paddle.Tensor, position_ids: paddle.Tensor | None = None
    ) -> paddle.Tensor:
        """Embed tokens.

        Args:
            input_ids: Token ids ``[batch, seq]``, or any shape with `position_ids`.
            position_ids: The tokens' positions, of the same shape; None: as `position_ids`
                counts them.

        Returns:
            ``[batch, seq, hidden]``.
        """
        if position_ids is None:
            position_ids = self.position_ids(input_ids)
        words, norm = self.word_embeddings(input_ids), self.LayerNorm
        positions, token_type = self.position_embeddings(position_ids), self.token_type_embeddings
        if not cpu.pays_here(words, self.training):
            return self.dropout(norm(words + positions + token_type.weight[0]))
        others = positions + token_type.weight[0]
        normalised = cpu.residual_norm(
            words, others, norm.weight, norm.bias, epsilon=norm._epsilon, dropout=0.0
        )
        return self.dropout(normalised)
