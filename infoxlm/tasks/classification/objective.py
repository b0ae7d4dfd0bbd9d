"""Cross-entropy over the labels of each example."""

import paddle
import paddle.nn.functional as F

from infoxlm.tasks.objective import Arrays, Objective


class ClassificationObjective(Objective):
    """Cross-entropy of a sequence classifier; targets ``labels`` int64 ``[k]``, columns of it."""

    def forward(self, batch: Arrays) -> paddle.Tensor:
        """Compute logits ``[k, labels]``."""
        return self.model(batch["input_ids"]).logits

    def loss(self, outputs: paddle.Tensor, batch: Arrays) -> paddle.Tensor:
        """Compute the cross-entropy of each example, float32 ``[k, 1]``."""
        return F.cross_entropy(outputs.astype("float32"), batch["labels"], reduction="none")

    def log_probabilities(self, outputs: paddle.Tensor) -> paddle.Tensor:
        """Compute the log-probability of each label, float32 ``[k, labels]``."""
        return F.log_softmax(outputs.astype("float32"), axis=-1)
