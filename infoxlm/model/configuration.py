"""The shape of an InfoXLM encoder, in PaddleNLP's configuration class."""

from typing import Any

from paddlenlp.transformers.configuration_utils import PretrainedConfig

from infoxlm.constants import BOS_ID, EOS_ID, PAD_ID
from infoxlm.errors import UserError


class InfoXLMConfig(PretrainedConfig):
    """Shape and dropout of an InfoXLM encoder; the defaults are microsoft/infoxlm-base.

    The names are those of XLM-RoBERTa in PaddleNLP and transformers, and so is ``model_type``:
    the saved ``config.json`` is read by either.

    Args:
        vocab_size: Rows of the word-embedding table.
        hidden_size: Width of the hidden states.
        num_hidden_layers: Number of transformer blocks.
        num_attention_heads: Heads of each block; divides ``hidden_size``.
        intermediate_size: Width of the feed-forward layer.
        hidden_dropout_prob: Dropout after the embeddings and after each sub-layer.
        attention_probs_dropout_prob: Dropout on the attention probabilities.
        classifier_dropout: Dropout in the classification head; None: ``hidden_dropout_prob``.
        max_position_embeddings: Rows of the position table: the longest input plus two.
        type_vocab_size: Rows of the token-type table; every token has type 0.
        initializer_range: Standard deviation of freshly drawn weights.
        layer_norm_eps: Added to the variance in LayerNorm.
        recompute: Recompute each block's activations in the backward pass instead of keeping them.
    """

    model_type = "xlm-roberta"

    def __init__(
        self,
        vocab_size: int = 250002,
        hidden_size: int = 768,
        num_hidden_layers: int = 12,
        num_attention_heads: int = 12,
        intermediate_size: int = 3072,
        hidden_act: str = "gelu",
        hidden_dropout_prob: float = 0.1,
        attention_probs_dropout_prob: float = 0.1,
        classifier_dropout: float | None = None,
        max_position_embeddings: int = 514,
        type_vocab_size: int = 1,
        initializer_range: float = 0.02,
        layer_norm_eps: float = 1e-5,
        pad_token_id: int = PAD_ID,
        bos_token_id: int = BOS_ID,
        eos_token_id: int = EOS_ID,
        position_embedding_type: str = "absolute",
        recompute: bool = False,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("tie_word_embeddings", True)
        super().__init__(
            pad_token_id=pad_token_id,
            bos_token_id=bos_token_id,
            eos_token_id=eos_token_id,
            **kwargs,
        )
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.num_hidden_layers = num_hidden_layers
        self.num_attention_heads = num_attention_heads
        self.intermediate_size = intermediate_size
        self.hidden_act = hidden_act
        self.hidden_dropout_prob = hidden_dropout_prob
        self.attention_probs_dropout_prob = attention_probs_dropout_prob
        self.classifier_dropout = classifier_dropout
        self.max_position_embeddings = max_position_embeddings
        self.type_vocab_size = type_vocab_size
        self.initializer_range = initializer_range
        self.layer_norm_eps = layer_norm_eps
        self.position_embedding_type = position_embedding_type
        self.recompute = recompute
        for key, value, only in (
            ("hidden_act", hidden_act, "gelu"),
            ("position_embedding_type", position_embedding_type, "absolute"),
        ):
            if value != only:
                raise UserError(
                    f"the model's configuration has {key}={value}",
                    f"InfoXLM and XLM-R use {key}={only}; take a checkpoint of that kind.",
                )
        if hidden_size % num_attention_heads:
            raise UserError(
                f"hidden_size={hidden_size} is not a multiple of "
                f"num_attention_heads={num_attention_heads}",
                "Choose a number of heads that divides the hidden size.",
            )
