"""A model's outputs for many sequences, in batches of similar length, shared among the ranks."""

from collections.abc import Callable
from dataclasses import dataclass, field

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
        model.eval()
        precision = Precision(self.hardware.amp)
        share = self.ranks.shares(token_ids.lengths)[self.ranks.rank]
        results = np.zeros((len(token_ids), width), np.float32)
        bar = progress(label="scoring", total=len(share), unit=" examples")
        with bar, paddle.no_grad():
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
                results[rows] = finish(logits.astype("float32")).numpy()
                bar.update(len(rows))
        self.ranks.stop_together()
        return self.ranks.sum(results)
