"""Losses that every device computes alike."""

import paddle

from infoxlm.model import cpu


def cross_entropy(logits: paddle.Tensor, labels: paddle.Tensor) -> paddle.Tensor:
    """The cross-entropy of every row, exact however far the logits are apart.

    Args:
        logits: ``[rows, classes]``; minus infinity rules a class out.
        labels: int64 ``[rows]``.

    Returns:
        float32 ``[rows]``.
    """
    logits = logits.astype("float32")
    if cpu.is_cpu_fp32(logits):
        return cpu.cross_entropy(logits, labels)
    right = paddle.take_along_axis(logits, labels.unsqueeze(1), axis=1).squeeze(1)
    return paddle.logsumexp(logits, axis=1) - right
