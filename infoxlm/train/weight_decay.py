"""Decoupled weight decay that is not lost to rounding."""

#: Decay is applied in portions of at least this factor: 64 to 128 units in a weight's last place.
PORTION = 2.0**-17


class WeightDecay:
    """Decoupled weight decay (Loshchilov & Hutter 2019), summed up over steps where it is tiny.

    A step's factor ``1 - learning_rate * weight_decay`` is lost in float32 where the product comes
    near 3e-8, half a unit in the last place of 1, and rounded badly for some way above: Paddle
    applies nothing at a learning rate of 2e-6 and a decay of 0.01. So the learning rates of steps
    are summed up in float64, and the weights decay once the sum is worth a `PORTION`, or it is
    the last step. Where a single step is worth that, each decays.

    Args:
        configured: As in the literature, before it is multiplied with the learning rate.
        steps: Steps of the whole run.

    Attributes:
        undecayed: The sum of the learning rates of steps that the weights have not decayed for.
        applied: The decay of the last step, which multiplies its learning rate.
    """

    def __init__(self, configured: float, steps: int) -> None:
        self.undecayed = 0.0
        self.applied = 0.0
        self._configured = configured
        self._steps = steps

    def advance(self, rate: float, step: int, *, skipped: bool) -> None:
        """Find the decay of a step.

        Args:
            rate: Its learning rate.
            step: Its number; 0 is the first.
            skipped: Whether the step is left out.
        """
        self.applied = 0.0
        if self._configured and not skipped:
            self.undecayed += rate
            is_last = step + 1 >= self._steps
            if rate and (is_last or self.undecayed * self._configured >= PORTION):
                # It is multiplied by this step's learning rate.
                self.applied = self._configured * (self.undecayed / rate)
                self.undecayed = 0.0
