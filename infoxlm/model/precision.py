"""Half precision: on GPUs, and bfloat16 on CPUs that multiply in it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import paddle

from infoxlm.model import cpu
from infoxlm.schema import Amp


class Precision:
    """Half precision: autocast around the forward pass, loss scaling for fp16.

    Args:
        amp: none computes in fp32.
        constant: Whether the weights will always stay what they are.

    Raises:
        UserError: bf16 on a CPU that cannot.
    """

    def __init__(self, amp: Amp = Amp.none, *, constant: bool = False) -> None:
        if amp is Amp.bf16 and paddle.get_device() == "cpu":
            cpu.bf16_library()  # before data and time are spent
        self.amp = amp
        self.scaler = paddle.amp.GradScaler(enable=amp is Amp.fp16)
        self._kept = cpu.Narrowed()
        self._narrowed = self._kept if constant else None

    @contextmanager
    def constant_weights(self) -> Iterator[None]:
        """Promise that weights stay what they are: on CPUs they are narrowed once, and kept.

        The memory they take is kept for the next time, which overwrites it: what is computed
        within the context is differentiated within it.
        """
        before, self._narrowed = self._narrowed, self._kept
        if before is None:
            self._kept.change()
        try:
            yield
        finally:
            self._narrowed = before

    def forget(self) -> None:
        """Free the memory of narrowed weights, outside of `constant_weights`."""
        self._kept = cpu.Narrowed()

    @contextmanager
    def autocast(self) -> Iterator[None]:
        """Run matrix products in half precision, sums and norms in fp32 (Paddle's level O1).

        Paddle's CPU kernels have none: there the encoder's are our own (`cpu.bf16`).
        """
        if self.amp is Amp.none:
            yield
            return
        if self.amp is Amp.bf16 and paddle.get_device() == "cpu":
            with cpu.bf16_products(self._narrowed):
                yield
            return
        dtype = "bfloat16" if self.amp is Amp.bf16 else "float16"
        with paddle.amp.auto_cast(level="O1", dtype=dtype):
            yield

    def unscale(self, optimizer: paddle.optimizer.Optimizer) -> None:
        """Undo the loss scaling in the gradients, so that their norm can be measured."""
        if self.amp is Amp.fp16:
            self.scaler.unscale_(optimizer)

    def step(self, optimizer: paddle.optimizer.Optimizer) -> bool:
        """Take the optimizer step, after `unscale`.

        Returns:
            False when fp16 overflowed, so that the step was left out and the scale lowered.
        """
        if self.amp is not Amp.fp16:
            optimizer.step()
            return True
        self.scaler.step(optimizer)
        scale = self.scaler.state_dict()["scale"].item()
        self.scaler.update()
        return self.scaler.state_dict()["scale"].item() >= scale

    def state(self) -> dict[str, Any]:
        """The loss scaling as plain values; empty where there is none."""
        state = self.scaler.state_dict()
        return state and state | {"scale": float(state["scale"].item())}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Resume the loss scaling that `state` gave."""
        if state:
            self.scaler.load_state_dict({**state, "scale": np.array([state["scale"]], np.float32)})
