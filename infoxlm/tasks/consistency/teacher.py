"""The model of the first stage, whose predictions the second stage is held to."""

from copy import copy
from typing import Any

import numpy as np
import paddle
from paddle import nn

from infoxlm.constants import UNK_ID
from infoxlm.errors import UserError
from infoxlm.model.layers import InfoXLMEmbedding
from infoxlm.tasks.objective import Objective


class Teacher:
    """A model that predicts and does not learn.

    It predicts the copies as they are drawn, but for noise on embeddings, of which it sees none:
    what is known of the examples alone, before training, would not do. Of its word embeddings only
    the rows that may occur are kept, which is most of what it would take: 0.4 of 0.5 GB of a small
    model, 0.8 of 1.1 GB of a base one.

    Args:
        model: The model.
        objective: The objective of the model under training, whose predictions it is asked for.
        ids_in_use: The token ids that batches may hold, repeated or not; None: any.
    """

    def __init__(
        self, model: nn.Layer, objective: Objective, ids_in_use: np.ndarray | None
    ) -> None:
        model.eval()
        for parameter in model.parameters():
            parameter.stop_gradient = True
        self._objective = copy(objective)
        self._objective.model = model
        self._row = None if ids_in_use is None else kept_rows(model, ids_in_use)

    @paddle.no_grad()
    def log_probabilities(self, ids: paddle.Tensor) -> paddle.Tensor:
        """Predict sequences.

        Args:
            ids: Token ids ``[k, seq]``, padded.

        Returns:
            As `Objective.log_probabilities`.
        """
        if self._row is not None:
            ids = self._row[ids.flatten()].reshape(ids.shape)
        outputs = self._objective.forward({"input_ids": ids})
        return self._objective.log_probabilities(outputs)


def kept_rows(model: nn.Layer, ids: np.ndarray) -> paddle.Tensor:
    """Leave a model only the word embeddings of some ids, and the special ones'.

    Returns:
        The row of each id of the vocabulary, int64.
    """
    embeddings = model.roberta.embeddings
    size, width = embeddings.word_embeddings.weight.shape
    # Padding keeps its id, which tells where tokens end.
    kept = np.union1d(ids, np.arange(UNK_ID + 1)).astype(np.int64)
    rows = np.zeros(size, np.int64)
    rows[kept] = np.arange(len(kept))
    with paddle.LazyGuard():
        table = InfoXLMEmbedding(len(kept), width)
    table.weight.set_value(paddle.gather(embeddings.word_embeddings.weight, paddle.to_tensor(kept)))
    table.weight.stop_gradient = True
    embeddings.word_embeddings = table
    return paddle.to_tensor(rows)


def check_same_labels(model: Any, teacher: Any, named: str) -> None:
    """Check that two models predict the same labels in the same order.

    Raises:
        UserError: They do not.
    """
    names, others = (
        [str(x.config.id2label[key]).lower() for key in sorted(x.config.id2label)]
        for x in (model, teacher)
    )
    if names != others:
        raise UserError(
            f"consistency.teacher={named} predicts {', '.join(others)}, the model that is trained "
            f"{', '.join(names)}",
            "Give a first stage that was trained from the same checkpoint on the same data.",
        )
