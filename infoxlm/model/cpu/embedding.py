"""Rows of a table, whose gradient costs as much as they do and not as much as the table."""

import paddle
import paddle.nn.functional as F

from infoxlm.model.backward import keeps_errors


def embedding(ids: paddle.Tensor, table: paddle.Tensor) -> paddle.Tensor:
    """Look rows up in a table of embeddings.

    Paddle makes a gradient as large as the table for each lookup and adds it to the last. Here
    the rows' gradients are added to the table's ``.grad`` where they belong, so that nothing else
    of it is touched. `paddle.grad` does not see the table; ``backward()`` does.

    Args:
        ids: int64, any shape.
        table: ``[rows, hidden]``.

    Returns:
        ``[*ids.shape, hidden]``.
    """
    if table.stop_gradient or not paddle.is_grad_enabled():
        return F.embedding(ids, table)
    rows = F.embedding(ids, table.detach())
    rows.stop_gradient = False

    @keeps_errors
    @paddle.no_grad()
    def add_to_table(gradient: paddle.Tensor) -> None:
        if table.grad is None:
            table.grad = paddle.zeros_like(table)
        paddle.index_add_(table.grad, ids.flatten(), 0, gradient.reshape([-1, table.shape[1]]))

    rows.register_hook(add_to_table)
    return rows
