"""A momentum encoder: a copy of the model that follows it slowly (He et al. 2020)."""

from collections.abc import Mapping

import numpy as np
import paddle
from paddle import nn

from infoxlm.checkpoint.safetensors_writer import float32_array
from infoxlm.errors import UserError
from infoxlm.model import cpu
from infoxlm.model.configuration import InfoXLMConfig
from infoxlm.model.modeling import InfoXLMModel
from infoxlm.schema import Momentum, PretrainingConfig


def momentum_at(step: int, options: PretrainingConfig) -> float:
    """The share of itself that the momentum encoder keeps in a step.

    Args:
        step: The number of the step; 1 is the first.
        options: ``linear`` goes from ``momentum_start`` to ``momentum`` in ``momentum_steps``
            steps, and stays there; ``exponential`` is ``1 - step ** -momentum_power``, at most
            ``momentum`` and at least ``momentum_start``.
    """
    start, end = options.momentum_start, options.momentum
    if options.momentum_schedule is Momentum.constant:
        return end
    if options.momentum_schedule is Momentum.linear:
        return start + (end - start) * min(1.0, step / options.momentum_steps)
    return min(end, max(start, 1.0 - step**-options.momentum_power))


class MomentumEncoder:
    """A copy of a model's embeddings, first blocks and projection, which takes no gradient.

    The blocks behind are left out: nothing looks at them.

    Args:
        encoder: The encoder under training, with the table that it is trained with.
        projection: The projection under training; None where there is none.
        blocks: Blocks to copy.
    """

    def __init__(self, encoder: InfoXLMModel, projection: nn.Linear | None, blocks: int) -> None:
        table = encoder.embeddings.word_embeddings.weight
        shape = {"vocab_size": table.shape[0], "num_hidden_layers": blocks}
        config = InfoXLMConfig.from_dict({**encoder.config.to_dict(), **shape})
        # Parameters of the optimizer are known by names, which must not depend on this copy.
        with paddle.utils.unique_name.guard("momentum_"), paddle.LazyGuard():
            self._encoder = InfoXLMModel(config)
        self._encoder.eval()
        self._sources = dict(encoder.named_parameters())
        self._copies = dict(self._encoder.named_parameters())
        self._projection: paddle.Tensor | None = None
        for name, copy in self._copies.items():
            copy.set_value(self._sources[name])
            copy.stop_gradient = True
        if projection is not None:
            self._projection = projection.weight.detach().clone()
            self._sources["projection"] = projection.weight
            self._copies["projection"] = self._projection

    @paddle.no_grad()
    def keys(self, input_ids: paddle.Tensor) -> paddle.Tensor:
        """Encode sequences ``[k, seq]`` as keys, float32 ``[k, hidden]``."""
        encoded = self._encoder(input_ids, first_token_only=True).last_hidden_state[:, 0]
        if self._projection is not None:
            encoded = paddle.matmul(encoded, self._projection)
        return encoded.astype("float32")

    @paddle.no_grad()
    def move(self, momentum: float) -> None:
        """Move towards the model, after a step of its optimizer.

        Paddle's backward pass would use a weight that has changed since the forward pass, and say
        nothing: this must not come between the two.

        Args:
            momentum: The share of itself that each weight keeps.
        """
        for name, copy in self._copies.items():
            cpu.move_towards(copy, self._sources[name], 1.0 - momentum)

    def state(self) -> dict[str, np.ndarray]:
        """The weights by name, for a checkpoint."""
        return {name: float32_array(copy) for name, copy in self._copies.items()}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Take over what `state` gave.

        Raises:
            UserError: It is of another model.
        """
        for name, copy in self._copies.items():
            if name not in state or state[name].shape != tuple(copy.shape):
                raise UserError(
                    f"the checkpoint's momentum encoder has no {name} {list(copy.shape)}",
                    "Resume with the configuration and the data that the run began with.",
                )
            copy.set_value(state[name])
