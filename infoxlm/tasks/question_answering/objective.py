"""Cross-entropy over the tokens of a window: which one begins the answer, and which one ends it."""

import paddle
import paddle.nn.functional as F

from infoxlm.tasks.objective import Arrays, Objective


class QuestionAnsweringObjective(Objective):
    """Cross-entropy of start and end; targets ``start``, ``end`` int64 ``[k]``, tokens of a window.

    A window that does not hold the answer has 0 for both, which is ``<s>``. The softmax is over the
    tokens of the window. That of transformers is over its padding as well, so that the loss of a
    window there depends on which others are in its batch.
    """

    points_at_tokens = True

    def forward(self, batch: Arrays) -> paddle.Tensor:
        """Compute the logits of starts and ends ``[k, seq, 2]``, padding far below all tokens."""
        return self.model(batch["input_ids"]).logits

    def loss(self, outputs: paddle.Tensor, batch: Arrays) -> paddle.Tensor:
        """Compute the mean of the two cross-entropies of each window, float32 ``[k]``."""
        logits = outputs.astype("float32").transpose([0, 2, 1])
        wanted = paddle.stack([batch["start"], batch["end"]], axis=1)
        losses = F.cross_entropy(logits, wanted.unsqueeze(2), reduction="none")
        return losses.mean(axis=[1, 2])

    def log_probabilities(self, outputs: paddle.Tensor) -> paddle.Tensor:
        """Compute those of each token to begin and to end the answer, float32 ``[k, 2, seq]``."""
        return F.log_softmax(outputs.astype("float32").transpose([0, 2, 1]), axis=-1)
