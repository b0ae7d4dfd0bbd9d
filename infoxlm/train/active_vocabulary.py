"""Train only the embedding rows that the training examples use.

Of the base model's 278 million parameters 192 million are word embeddings, and English training
data uses a tenth of them. A row that never occurs has no gradient: Adam leaves it where it is, and
decoupled weight decay shrinks it by the same factor each step. So a compact table of the rows that
occur is trained, and the full one brought up to date when it is needed: the same mathematics for a
fraction of the time and memory.

A masked-LM head scores the rows of the table that the model has, so there it is other mathematics:
a token that never occurs is no wrong answer either. Its bias is cut to the same rows.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import paddle

from infoxlm.checkpoint.file_pages import give_back_pages
from infoxlm.constants import UNK_ID
from infoxlm.model.embeddings import InfoXLMEmbeddings
from infoxlm.model.heads import InfoXLMLMHead
from infoxlm.model.layers import InfoXLMEmbedding

#: Rows that are in memory in float64 at a time.
CHUNK = 1024


class ActiveVocabulary:
    """Swaps the word embeddings of a model for a compact table of the rows in use.

    Args:
        embeddings: The model's embeddings; their table becomes the compact one.
        ids_in_use: The token ids of the training examples, repeated or not.
        lm_head: The model's masked-LM head, if it has one; its bias is cut to the same rows.
    """

    def __init__(
        self,
        embeddings: InfoXLMEmbeddings,
        ids_in_use: Sequence[np.ndarray],
        lm_head: InfoXLMLMHead | None = None,
    ) -> None:
        self._embeddings = embeddings
        self._full = embeddings.word_embeddings
        vocabulary = self._full.weight.shape[0]
        in_use = np.zeros(vocabulary, dtype=bool)
        for ids in ids_in_use:
            in_use[ids] = True
        in_use[: UNK_ID + 1] = True  # special tokens, padding among them, keep their ids
        self.active = np.flatnonzero(in_use)
        self._rows = paddle.to_tensor(self.active)
        self._compact_id = np.zeros(vocabulary, dtype=np.int64)
        self._compact_id[self.active] = np.arange(len(self.active))
        with paddle.LazyGuard():
            self._compact = InfoXLMEmbedding(len(self.active), self._full.weight.shape[1])
        self._take_rows(self._full.weight, self._compact.weight)
        embeddings.word_embeddings = self._compact
        self._lm_head = lm_head
        if lm_head is not None:
            self._full_bias = lm_head.bias
            self._compact_bias = lm_head.create_parameter([len(self.active)], is_bias=True)
            self._take_rows(self._full_bias, self._compact_bias)
            lm_head.bias = self._compact_bias

    def _take_rows(self, full: paddle.Tensor, compact: paddle.Tensor) -> None:
        """Give a parameter the rows in use of another one, and train it in its place."""
        # Optimizers keep their state by parameter name, and the one Paddle made up just now can be
        # that of another parameter: the model was built where names are counted apart.
        compact.name = full.name
        compact.set_value(paddle.gather(full, self._rows))
        full.stop_gradient = True
        give_back_pages(full)  # each row brought its neighbours along

    def compact(self, ids: np.ndarray) -> np.ndarray:
        """Renumber token ids, int64 of any shape, for the compact table.

        Negative ones, which stand for no token, stay what they are.
        """
        return np.where(ids < 0, ids, self._compact_id[np.maximum(ids, 0)])

    @paddle.no_grad()
    def decay(self, learning_rate: float, weight_decay: float) -> None:
        """Do to the rows not in use what a step of decoupled weight decay does to every row.

        Step by step rather than when they are next needed: so their bits do not depend on when
        checkpoints were written.

        Args:
            learning_rate: The step's.
            weight_decay: The decay that the optimizer applied in it, which is 0 in many steps
                (`AdamW.applied_decay`).
        """
        # Paddle's CPU kernel computes w - (learning_rate * weight_decay) * w, the parentheses in
        # float32 and the rest rounded once, for which float64 has room.
        decay = float(np.float32(learning_rate) * np.float32(weight_decay))
        if decay:
            table = self._full.weight
            for start in range(0, len(table), CHUNK):
                chunk = table[start : start + CHUNK].astype("float64") * (1.0 - decay)
                table[start : start + CHUNK] = chunk.astype("float32")

    @contextmanager
    def full_table(self) -> Iterator[None]:
        """Give the model its full table, up to date, for any ids; the compact one afterwards."""
        with paddle.no_grad():
            paddle.scatter_(self._full.weight, self._rows, self._compact.weight)
            if self._lm_head is not None:
                paddle.scatter_(self._full_bias, self._rows, self._compact_bias)
        self._swap(full=True)
        try:
            yield
        finally:
            self._swap(full=False)
            give_back_pages(self._full.weight)

    def _swap(self, *, full: bool) -> None:
        """Give the model the full table, or the compact one."""
        self._embeddings.word_embeddings = self._full if full else self._compact
        if self._lm_head is not None:
            self._lm_head.bias = self._full_bias if full else self._compact_bias
