"""The encoder with a head for every token: where an answer begins, and where it ends."""

import paddle
from paddlenlp.transformers.model_outputs import TokenClassifierOutput

from infoxlm.model.configuration import InfoXLMConfig
from infoxlm.model.cpu import Packing
from infoxlm.model.layers import InfoXLMLinear
from infoxlm.model.modeling import InfoXLMModel
from infoxlm.model.pretrained import InfoXLMPretrainedModel

#: The logits of each token: that an answer begins with it, and that one ends with it.
OUTPUTS = 2

#: The logits of padding: a softmax over a row is one over its tokens, and float16 holds it.
PADDING_LOGIT = -1e4


class InfoXLMForQuestionAnswering(InfoXLMPretrainedModel):
    """The encoder with extractive question answering on top; what SQuAD is fine-tuned with."""

    architecture = "XLMRobertaForQuestionAnswering"

    def __init__(self, config: InfoXLMConfig) -> None:
        if config.num_labels != OUTPUTS:  # of which transformers and PaddleNLP make as many logits
            config.num_labels = OUTPUTS
        super().__init__(config)
        self.roberta = InfoXLMModel(config)
        self.qa_outputs = InfoXLMLinear(config.hidden_size, OUTPUTS)
        self.init_unless_loading(self.qa_outputs)

    def forward(
        self,
        input_ids: paddle.Tensor,
        attention_mask: paddle.Tensor | None = None,
        output_hidden_states: bool = False,
    ) -> TokenClassifierOutput:
        """Score every token as the begin and as the end of an answer.

        Args:
            input_ids: Token ids ``[batch, seq]``.
            attention_mask: As in ``InfoXLMModel``.
            output_hidden_states: As in ``InfoXLMModel``.

        Returns:
            ``logits`` ``[batch, seq, 2]``, of padding ``PADDING_LOGIT``; ``hidden_states`` or
            None.
        """
        if attention_mask is None and not output_hidden_states:
            packed = self.roberta.encode_without_padding(input_ids)
            if packed is not None:
                states, packing = packed
                logits = padded(self.qa_outputs(states), packing, input_ids.shape[1])
                return TokenClassifierOutput(logits=logits)
        if attention_mask is None:
            attention_mask = input_ids != self.config.pad_token_id
        encoded = self.roberta(input_ids, attention_mask, output_hidden_states)
        logits = self.qa_outputs(encoded.last_hidden_state)
        is_token = attention_mask.astype(logits.dtype).unsqueeze(-1)
        return TokenClassifierOutput(
            logits=logits * is_token + (1.0 - is_token) * PADDING_LOGIT,
            hidden_states=encoded.hidden_states,
        )


def padded(logits: paddle.Tensor, packing: Packing, width: int) -> paddle.Tensor:
    """Lay the logits of tokens without padding out as a padded batch.

    Args:
        logits: ``[tokens, outputs]``.
        packing: Where the sequences lie among the tokens.
        width: Tokens of a sequence in the batch.

    Returns:
        ``[batch, width, outputs]``.
    """
    outputs = logits.shape[1]
    padding = paddle.full([1, outputs], PADDING_LOGIT, logits.dtype)
    rows = paddle.to_tensor(packing.padded_rows(width))
    return paddle.concat([logits, padding]).index_select(rows).reshape([-1, width, outputs])
