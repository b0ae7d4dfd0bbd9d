"""Cross-lingual contrast: a sentence is to be nearer to its translation than to others (XLCo).

The facts that the paper (Chi et al. 2021) leaves open are those of the authors' code
(microsoft/unilm, folder infoxlm, commits 263a2064 and cafac9e9): the state of ``<s>`` behind a
given block, one projection for all languages, dot products that nothing normalises, negatives from
the queue alone, a queue that is full before the first update.
"""

import logging
from collections.abc import Mapping

import numpy as np
import paddle
import paddle.nn.functional as F

from infoxlm.checkpoint.safetensors_writer import float32_array
from infoxlm.distributed.ranks import Ranks
from infoxlm.errors import UserError
from infoxlm.model.losses import cross_entropy
from infoxlm.model.masked_lm import InfoXLMForMaskedLM
from infoxlm.model.pretraining import PROJECTION
from infoxlm.reporting.counts import counted
from infoxlm.schema import PretrainingConfig
from infoxlm.tasks.objective import Arrays, Objective, StreamBatch, StreamBatches
from infoxlm.tasks.pretraining.momentum import MomentumEncoder, momentum_at
from infoxlm.tasks.pretraining.queue import KeyQueue, Matches, equal_texts
from infoxlm.tracking.progress import progress

logger = logging.getLogger(__name__)

MOMENTUM, QUEUE = "momentum.", "queue."


class ContrastObjective(Objective):
    """Cross-entropy of each example's own key among those of a queue.

    Arrays of a batch: ``input_ids`` and ``key_ids`` int64 ``[k, seq]``, the two sides; ``text``
    int64 ``[k, texts]``, hashes of the sentences on both; ``position`` int64 ``[k]`` in the batch.

    The keys of the whole batch are computed before its first micro-batch, and enter the queue once
    a step, in the batch's order: so no loss depends on the micro-batches or on the ranks.

    Args:
        model: The model under training, an `InfoXLMForPretraining` where states are projected.
        options: Which states are contrasted with which, and how.

    Raises:
        UserError: The model has fewer blocks.
    """

    model: InfoXLMForMaskedLM
    _momentum: MomentumEncoder
    _queue: KeyQueue
    _batch_keys: paddle.Tensor

    def __init__(self, model: InfoXLMForMaskedLM, options: PretrainingConfig) -> None:
        super().__init__(model)
        self.options = options
        blocks = model.config.num_hidden_layers
        if options.block > blocks:
            raise UserError(
                f"the contrast is behind block {options.block}, the model has {blocks}",
                f"Choose a block from 1 to {blocks}.",
            )
        # Of the two sides one has a forward pass alone, which is a third of the work.
        self.flops_share = options.block / blocks * (1 + 1 / 3) / 2
        self._projection = getattr(model, PROJECTION) if options.projection else None
        self._keys, self._texts = np.zeros((0, 0), np.float32), np.zeros((0, 0), np.int64)
        self._equal = self._equal_in_batch = Matches.none()
        #: Of each micro-batch, the examples whose own key was the nearest: of all, of the batch's.
        self._right: list[paddle.Tensor] = []
        self._scalars: dict[str, float] = {}

    def before_training(self, batches: StreamBatches, ranks: Ranks) -> None:
        """Copy the model, and fill the queue with the keys of the end of the first epoch.

        Those come up last in training, so that at the beginning few examples meet their own key:
        those of small languages, which come up more than once an epoch; where equal texts are
        masked, none does.
        """
        self._copy_model()
        size, filled, step = self.options.queue_size, 0, batches.per_epoch
        logger.info("filling the queue of the contrast with %s", counted(size, "key"))
        with progress(label="filling the queue", total=size, unit=" keys", delay=3) as bar:
            while filled < size:
                ranks.stop_together()
                step = (step or batches.per_epoch) - 1
                keys, texts = self._encode_keys(batches.draw(step), ranks)
                if not filled:
                    self._queue = KeyQueue(size, keys.shape[1], texts.shape[1])
                self._queue.push(keys, texts)
                filled += len(keys)
                bar.update(len(keys))

    def before_backward(self, batch: StreamBatch, ranks: Ranks) -> None:
        """Compute the keys of the whole batch, and find those of equal texts."""
        self._keys, self._texts = self._encode_keys(batch, ranks)
        self._batch_keys = paddle.to_tensor(self._keys)
        self._right = []
        if self.options.mask_equal_texts:
            self._equal = self._queue.matches(self._texts)
        own = np.arange(len(self._keys))
        texts = self._texts if self.options.mask_equal_texts else own[:, None]
        self._equal_in_batch = equal_texts(texts, texts)

    def forward(self, batch: Arrays) -> paddle.Tensor:
        """Compute the queries, ``[k, hidden]``."""
        encoded = self.model.roberta(
            batch["input_ids"], first_token_only=True, blocks=self.options.block
        )
        queries = encoded.last_hidden_state[:, 0]
        return queries if self._projection is None else self._projection(queries)

    def loss(self, outputs: paddle.Tensor, batch: Arrays) -> paddle.Tensor:
        """Compute the cross-entropy of each example's key, float32 ``[k]``."""
        positions = batch["position"].numpy()
        queries = self._scaled(outputs.astype("float32")) / self.options.temperature
        own = (queries * paddle.to_tensor(self._keys[positions])).sum(axis=1, keepdim=True)

        def negatives(keys: paddle.Tensor, equal: Matches) -> paddle.Tensor:
            return hide(paddle.matmul(queries, keys, transpose_y=True), equal.of(positions))

        scores = [own, negatives(self._queue.keys, self._equal)]
        with paddle.set_grad_enabled(self.options.batch_negatives):
            in_batch = negatives(self._batch_keys, self._equal_in_batch)
        if self.options.batch_negatives:
            scores.append(in_batch)
        logits = paddle.concat(scores, axis=1)
        of_batch = paddle.concat([own, in_batch], axis=1)
        self._right.append(paddle.stack([nearest(logits), nearest(of_batch)]))
        return cross_entropy(logits, paddle.zeros([len(positions)], "int64"))

    def after_step(self, step: int, ranks: Ranks) -> None:
        """Put the batch's keys into the queue, and move the momentum encoder."""
        momentum = momentum_at(step, self.options)
        # A rank may have no example.
        counts = np.array([x.numpy() for x in self._right], np.float32).reshape(-1, 2)
        right = ranks.sum(counts.sum(axis=0))
        self._scalars = {
            "accuracy": float(right[0]) / len(self._keys),
            "accuracy_in_batch": float(right[1]) / len(self._keys),
            "equal_texts": len(self._equal.keys) / len(self._keys),
            "momentum": momentum,
        }
        self._queue.push(self._keys, self._texts)
        self._momentum.move(momentum)

    def scalars(self) -> dict[str, float]:
        """Numbers of the last step.

        Returns:
            ``accuracy``: how often an example's own key was the nearest; ``accuracy_in_batch``: the
            same among the keys of its step, negatives or not: all are of one age, by which a key
            can be told from those of the queue without its text; ``equal_texts``: keys of the queue
            that were none of an example's negatives; ``momentum``.
        """
        return self._scalars

    def state(self) -> dict[str, np.ndarray]:
        """The projection, the momentum encoder and the queue."""
        parts = ((MOMENTUM, self._momentum.state()), (QUEUE, self._queue.state()))
        state = {prefix + name: x for prefix, part in parts for name, x in part.items()}
        if self._projection is not None:
            state[PROJECTION] = float32_array(self._projection.weight)
        return state

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Resume from what `state` gave.

        Raises:
            UserError: The checkpoint has no such state, or one of another model.
        """

        def part(prefix: str) -> dict[str, np.ndarray]:
            return {
                name.removeprefix(prefix): x for name, x in state.items() if name.startswith(prefix)
            }

        needed = [f"{QUEUE}{name}" for name in ("keys", "texts", "next")]
        needed += [] if self._projection is None else [PROJECTION]
        if missing := [name for name in needed if name not in state]:
            raise UserError(
                f"the checkpoint holds no {missing[0]}: no queue and momentum encoder of such a "
                "contrast",
                "Resume with the objectives that the run began with.",
            )
        self._copy_model()
        self._momentum.restore(part(MOMENTUM))
        self._queue = KeyQueue.restore(part(QUEUE), self.options.queue_size)
        if self._projection is not None:
            self._projection.weight.set_value(state[PROJECTION])

    def _copy_model(self) -> None:
        self._momentum = MomentumEncoder(self.model.roberta, self._projection, self.options.block)

    def _scaled(self, vectors: paddle.Tensor) -> paddle.Tensor:
        """Vectors ``[k, hidden]`` of length 1, where that is asked for."""
        return F.normalize(vectors, axis=1) if self.options.normalize else vectors

    def _encode_keys(self, batch: StreamBatch, ranks: Ranks) -> tuple[np.ndarray, np.ndarray]:
        """The keys of a batch ``[n, hidden]`` and the hashes of its texts ``[n, texts]``."""
        keys = np.zeros((batch.size, self.model.config.hidden_size), np.float32)
        for positions, arrays in batch.micro_batches():
            keys[positions] = self._scaled(self._momentum.keys(arrays["key_ids"])).numpy()
        return ranks.sum(keys), batch.targets["text"]


def nearest(scores: paddle.Tensor) -> paddle.Tensor:
    """Count the rows of scores ``[k, keys]`` whose first is above all others, float32 ``[]``.

    A tie is none of them: where all keys have become one, nothing is told apart.
    """
    scores = scores.detach()
    return (scores[:, 0] > scores[:, 1:].max(axis=1)).astype("float32").sum()


def hide(scores: paddle.Tensor, matches: Matches) -> paddle.Tensor:
    """Give minus infinity to pairs of an example and a key, in scores ``[k, keys]``."""
    if not len(matches.keys):
        return scores
    places = paddle.to_tensor(np.stack([matches.examples, matches.keys], axis=1))
    lowest = paddle.full([len(matches.keys)], -np.inf, scores.dtype)
    return paddle.scatter_nd_add(scores, places, lowest)
