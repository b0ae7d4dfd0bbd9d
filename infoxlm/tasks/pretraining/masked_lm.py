"""Masked LM, of running text in one language or of a translation pair (TLM)."""

import paddle

from infoxlm.constants import NO_LABEL
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
        """Compute the cross-entropies of the masked tokens, float32 ``[masked]``."""
        return self.model.masked_losses(batch["input_ids"], batch["labels"])

    def loss(self, outputs: paddle.Tensor, batch: Arrays) -> paddle.Tensor:
        """Compute the sum of each example's cross-entropies, float32 ``[k]``."""
        labels = batch["labels"]
        examples = paddle.nonzero(labels != NO_LABEL)[:, :1]
        return paddle.scatter_nd_add(paddle.zeros([len(labels)]), examples, outputs)
