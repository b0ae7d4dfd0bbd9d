"""The encoder with the head it was pre-trained with: it tells which token a mask hides."""

import paddle
import paddle.nn.functional as F
from paddlenlp.transformers.model_outputs import MaskedLMOutput

from infoxlm.constants import NO_LABEL
from infoxlm.model.configuration import InfoXLMConfig
from infoxlm.model.heads import InfoXLMLMHead
from infoxlm.model.modeling import InfoXLMModel
from infoxlm.model.pretrained import InfoXLMPretrainedModel


class InfoXLMForMaskedLM(InfoXLMPretrainedModel):
    """The encoder with the head it was pre-trained with."""

    architecture = "XLMRobertaForMaskedLM"

    def __init__(self, config: InfoXLMConfig) -> None:
        super().__init__(config)
        self.roberta = InfoXLMModel(config)
        self.lm_head = InfoXLMLMHead(config)
        self.init_unless_loading(self.lm_head)

    def forward(
        self,
        input_ids: paddle.Tensor,
        attention_mask: paddle.Tensor | None = None,
        labels: paddle.Tensor | None = None,
        output_hidden_states: bool = False,
    ) -> MaskedLMOutput:
        """Predict every token.

        Args:
            input_ids: Token ids ``[batch, seq]``, some replaced by ``<mask>``.
            attention_mask: As in ``InfoXLMModel``.
            labels: Original ids ``[batch, seq]``, -100 where no loss is wanted.
            output_hidden_states: As in ``InfoXLMModel``.

        Returns:
            ``logits`` ``[batch, seq, vocab]``, ``loss`` or None, ``hidden_states`` or None.
        """
        encoded = self.roberta(input_ids, attention_mask, output_hidden_states)
        logits = self.lm_head(encoded.last_hidden_state, self.table)
        loss = None
        if labels is not None:
            losses = F.cross_entropy(
                logits.flatten(stop_axis=1),
                labels.flatten(),
                ignore_index=NO_LABEL,
                reduction="sum",
            )
            # Paddle's own mean divides by all positions when ignore_index is negative.
            loss = losses / (labels != NO_LABEL).astype(losses.dtype).sum()
        return MaskedLMOutput(loss=loss, logits=logits, hidden_states=encoded.hidden_states)

    @property
    def table(self) -> paddle.Tensor:
        """The word embeddings ``[vocab, hidden]``, which are the head's output matrix as well."""
        return self.roberta.embeddings.word_embeddings.weight

    def masked_logits(
        self, input_ids: paddle.Tensor, labels: paddle.Tensor, ids: paddle.Tensor | None = None
    ) -> paddle.Tensor:
        """Predict the tokens that have a label, and no others: one in seven in training.

        Args:
            input_ids: Token ids ``[batch, seq]``, some replaced by ``<mask>``.
            labels: Original ids ``[batch, seq]``, -100 where no prediction is wanted.
            ids: The only ids to choose from, int64 ``[ids]``; None: the whole vocabulary.

        Returns:
            Logits ``[labels, vocab or ids]``, example by example and from the first token to the
            last.
        """
        return self.lm_head(self._masked_states(input_ids, labels), self.table, ids)

    def masked_losses(self, input_ids: paddle.Tensor, labels: paddle.Tensor) -> paddle.Tensor:
        """Compute the cross-entropy of each token that has a label.

        Args:
            input_ids: As in `masked_logits`.
            labels: As in `masked_logits`.

        Returns:
            float32 ``[labels]``, in the order of `masked_logits`.
        """
        states = self._masked_states(input_ids, labels)
        return self.lm_head.losses(states, self.table, labels[labels != NO_LABEL])

    def _masked_states(self, input_ids: paddle.Tensor, labels: paddle.Tensor) -> paddle.Tensor:
        """The last states ``[labels, hidden]`` of the tokens that have a label."""
        wanted = labels != NO_LABEL
        packed = self.roberta.encode_without_padding(input_ids, wanted=wanted.numpy())
        if packed is not None:
            return packed[0]
        states = self.roberta(input_ids).last_hidden_state.flatten(stop_axis=1)
        return states.index_select(paddle.nonzero(wanted.flatten()).flatten())
