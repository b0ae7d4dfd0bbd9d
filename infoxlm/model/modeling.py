"""The bare encoder, and the sequence classifier."""

import numpy as np
import paddle
import paddle.nn.functional as F
from paddlenlp.transformers.model_outputs import BaseModelOutput, SequenceClassifierOutput

from infoxlm.model import cpu
from infoxlm.model.configuration import InfoXLMConfig
from infoxlm.model.embeddings import InfoXLMEmbeddings
from infoxlm.model.encoder import InfoXLMEncoder
from infoxlm.model.heads import InfoXLMClassificationHead
from infoxlm.model.pretrained import InfoXLMPretrainedModel


class InfoXLMModel(InfoXLMPretrainedModel):
    """The encoder without a head."""

    architecture = "XLMRobertaModel"

    def __init__(self, config: InfoXLMConfig) -> None:
        super().__init__(config)
        self.embeddings = InfoXLMEmbeddings(config)
        self.encoder = InfoXLMEncoder(config)
        self.init_unless_loading(self)

    def forward(
        self,
        input_ids: paddle.Tensor,
        attention_mask: paddle.Tensor | None = None,
        output_hidden_states: bool = False,
        first_token_only: bool = False,
        blocks: int | None = None,
    ) -> BaseModelOutput:
        """Encode a padded batch.

        Args:
            input_ids: Token ids ``[batch, seq]``, padded with ``config.pad_token_id``.
            attention_mask: 1 for tokens and 0 for padding, ``[batch, seq]``; derived from
                the padding when None.
            output_hidden_states: Also return the embeddings and every block's output.
            first_token_only: Compute of the last block only what ``<s>`` needs: a tenth less work
                with twelve blocks.
            blocks: Run only so many of the first blocks; None: all.

        Returns:
            ``last_hidden_state`` ``[batch, seq, hidden]``, or ``[batch, 1, hidden]`` of the first
            token, and ``hidden_states``: a tuple of such tensors, one more than there are blocks,
            or None.
        """
        if first_token_only and not output_hidden_states and attention_mask is None:
            packed = self.encode_without_padding(input_ids, first_token_only=True, blocks=blocks)
            if packed is not None:
                return BaseModelOutput(last_hidden_state=packed[0].unsqueeze(1))
        if attention_mask is None:
            attention_mask = input_ids != self.config.pad_token_id
        embeddings = self.embeddings(input_ids)
        lowest = paddle.finfo(embeddings.dtype).min
        attention_bias = (1.0 - attention_mask.astype(embeddings.dtype)) * lowest
        bias = attention_bias.unsqueeze([1, 2])
        states = self.encoder(embeddings, bias, first_token_only, blocks)
        return BaseModelOutput(
            last_hidden_state=states[-1],
            hidden_states=tuple(states) if output_hidden_states else None,
        )

    def encode_without_padding(
        self,
        input_ids: paddle.Tensor,
        first_token_only: bool = False,
        blocks: int | None = None,
        wanted: np.ndarray | None = None,
    ) -> tuple[paddle.Tensor, cpu.Packing] | None:
        """Encode tokens with no work done on padding, on CPUs.

        Args:
            input_ids: Token ids ``[batch, seq]``.
            first_token_only: As in `forward`.
            blocks: As in `forward`.
            wanted: Which tokens the last block is wanted of, bool ``[batch, seq]``; None: all.

        Returns:
            ``[tokens, hidden]`` of all, of those wanted or of the first of each sequence, and where
            the sequences lie among all tokens; None where padding cannot be left out: on GPUs, in
            static graphs, and when it is not all behind the tokens.
        """
        if not cpu.is_cpu_fp32(self.embeddings.word_embeddings.weight):
            return None
        ids = input_ids.numpy()
        is_token = ids != self.config.pad_token_id
        lengths = is_token.sum(1)
        if (is_token[:, 1:] > is_token[:, :-1]).any() or not lengths.all():
            return None
        packing = cpu.Packing.of(lengths)
        position_ids = packing.offsets() + self.config.pad_token_id + 1
        tokens, positions = (paddle.to_tensor(x) for x in (ids[is_token], position_ids))
        embeddings = self.embeddings(tokens, positions)
        part = packing.firsts() if first_token_only else None
        if wanted is not None:
            part = packing.part(wanted[is_token])
        return self.encoder(embeddings, packing, blocks=blocks, part=part)[-1], packing


class InfoXLMForSequenceClassification(InfoXLMPretrainedModel):
    """The encoder with a classifier over ``<s>``; what XNLI is fine-tuned with."""

    architecture = "XLMRobertaForSequenceClassification"

    def __init__(self, config: InfoXLMConfig) -> None:
        super().__init__(config)
        self.roberta = InfoXLMModel(config)
        self.classifier = InfoXLMClassificationHead(config)
        self.init_unless_loading(self.classifier)

    def forward(
        self,
        input_ids: paddle.Tensor,
        attention_mask: paddle.Tensor | None = None,
        labels: paddle.Tensor | None = None,
        output_hidden_states: bool = False,
    ) -> SequenceClassifierOutput:
        """Score pairs.

        Args:
            input_ids: Token ids ``[batch, seq]``.
            attention_mask: As in ``InfoXLMModel``.
            labels: Label ids ``[batch]``; the loss is returned when they are given.
            output_hidden_states: As in ``InfoXLMModel``.

        Returns:
            ``logits`` ``[batch, num_labels]``, ``loss`` (mean cross-entropy, a scalar) or None,
            ``hidden_states`` or None.
        """
        encoded = self.roberta(
            input_ids,
            attention_mask,
            output_hidden_states,
            first_token_only=not output_hidden_states,
        )
        logits = self.classifier(encoded.last_hidden_state)
        loss = None if labels is None else F.cross_entropy(logits, labels)
        return SequenceClassifierOutput(
            loss=loss, logits=logits, hidden_states=encoded.hidden_states
        )


InfoXLMPretrainedModel.base_model_class = InfoXLMModel
