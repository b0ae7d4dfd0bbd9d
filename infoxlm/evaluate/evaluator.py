"""A model's outputs for many sequences, in batches of similar length, shared among the ranks."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import paddle
from paddle import nn

from infoxlm.data.batches import micro_batches
from infoxlm.distributed.ranks import Ranks
from infoxlm.model.precision import Precision
from infoxlm.schema import HardwareConfig
from infoxlm.tokenization.token_ids import TokenIds
from infoxlm.tracking.progress import progress


@dataclass(frozen=True)
class Evaluator:
    """Computes without gradients, as the hardware wants it.

    Attributes:
        hardware: The size of batches, and the precision.
        ranks: The processes that share the sequences and get all of the result.
        compute: Computes logits of padded token ids in the model's place, such as its static
            graph; None: the model does.
    """

    hardware: HardwareConfig
    ranks: Ranks = field(default_factory=Ranks)
    compute: Callable[[np.ndarray], np.ndarray] | None = None

    def outputs(
        self,
        model: nn.Layer,
        token_ids: TokenIds,
        width: int,
        finish: Callable[[paddle.Tensor], paddle.Tensor] = lambda logits: logits,
    ) -> np.ndarray:
        """Compute the logits of each sequence, or what follows from them.

        Args:
            model: Put into evaluation mode, and left there; its output has ``logits``.
            token_ids: ``n`` sequences.
            width: Numbers of each sequence.
            finish: Makes the result ``[batch, width]`` out of float32 logits.

        Returns:
            float32 ``[n, width]``, in the order of the sequences; the same in all ranks.
        """
        results = np.zeros((len(token_ids), width), np.float32)

        def keep(rows: np.ndarray, logits: paddle.Tensor) -> None:
            results[rows] = finish(logits).numpy()

        self._run(model, token_ids, keep)
        return self.ranks.sum(results)

    def token_outputs(self, model: nn.Layer, token_ids: TokenIds, width: int) -> list[np.ndarray]:
        """Compute the logits of every token; those of padding are not kept.

        Args:
            model: Put into evaluation mode, and left there; its output has ``logits``.
            token_ids: ``n`` sequences.
            width: Numbers of each token.

        Returns:
            Of each sequence, in their order, float32 ``[tokens, width]``; the same in all ranks.
        """
        results = np.zeros((len(token_ids.ids), width), np.float32)

        def keep(rows: np.ndarray, logits: paddle.Tensor) -> None:
            for row, output in zip(rows, logits.numpy(), strict=True):
                start, end = token_ids.offsets[row : row + 2]
                results[start:end] = output[: end - start]

        self._run(model, token_ids, keep)
        results = self.ranks.sum(results)
        return [results[start:end] for start, end in pairwise(token_ids.offsets)]

    def _run(
        self,
        model: nn.Layer,
        token_ids: TokenIds,
        keep: Callable[[np.ndarray, paddle.Tensor], None],
    ) -> None:
        """Compute this rank's share of the sequences.

        Args:
            model: As in `outputs`.
            token_ids: All sequences.
            keep: Called for each batch with its rows and their float32 logits.
        """
        model.eval()
        precision = Precision(self.hardware.amp)
        share = self.ranks.shares(token_ids.lengths)[self.ranks.rank]
        bar = progress(label="scoring", total=len(share), unit=" examples")
        with bar, paddle.no_grad(), precision.constant_weights():
            lengths = token_ids.lengths[share]
            for batch in micro_batches(lengths, self.hardware.eval_batch_tokens):
                if self.ranks.is_cut:
                    break
                rows = share[batch]
                input_ids = token_ids.padded(rows)
                if self.compute is None:
                    with precision.autocast():
                        logits = model(paddle.to_tensor(input_ids)).logits
                else:
                    logits = paddle.to_tensor(self.compute(input_ids))
                keep(rows, logits.astype("float32"))
                bar.update(len(rows))
        self.ranks.stop_together()
