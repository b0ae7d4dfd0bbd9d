"""Masked LM, of running text in one language or of a translation pair (TLM)."""

import paddle

from infoxlm.constants import NO_LABEL
from infoxlm.model.losses import cross_entropy
from infoxlm.model.masked_lm import InfoXLMForMaskedLM
from infoxlm.tasks.objective import Arrays, Objective


class MaskedLMObjective(Objective):
    """Cross-entropy of the masked tokens, summed over those of an example.

    ``labels`` int64 ``[k, seq]`` holds the original ids of masked tokens, and -100 elsewhere. An
    example weighs as much as it has masked tokens, so that the mean over a batch is one over these.
    The objective of TLM is the same (Conneau & Lample 2019): what differs are the examples.

    Args:
        model: The model under training.
    """

    model: InfoXLMForMaskedLM

    @property
    def flops_per_weight(self) -> float:
        """FLOPs of the head for a masked token: its dense layer and the table, three products."""
        hidden = self.model.config.hidden_size
        return 3 * 2 * hidden * (hidden + self.model.table.shape[0])

    def forward(self, batch: Arrays) -> paddle.Tensor:
        """Compute the logits of the masked tokens ``[masked, vocab]``."""
        return self.model.masked_logits(batch["input_ids"], batch["labels"])

    def loss(self, outputs: paddle.Tensor, batch: Arrays) -> paddle.Tensor:
        """Compute the sum of each example's cross-entropies, float32 ``[k]``."""
        labels = batch["labels"]
        is_masked = labels != NO_LABEL
        losses = cross_entropy(outputs, labels[is_masked])
        examples = paddle.nonzero(is_masked)[:, :1]
        return paddle.scatter_nd_add(paddle.zeros([len(labels)]), examples, losses)
