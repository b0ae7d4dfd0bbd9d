"""The mask that dropout multiplies with."""

import numpy as np
import paddle

#: Values of a random number; a probability is rounded to one part in so many.
VALUES = 1 << 16


class DropoutMask:
    """0 with the given probability and ``1 / (1 - probability)`` otherwise, drawn piece by piece.

    NumPy draws several times as fast as Paddle's CPU kernels. It is seeded by Paddle's generator,
    so that `paddle.seed` rules, and recomputed activations see the mask they saw.

    Args:
        shape: Rows first.
        probability: Above 0 and below 1.

    Attributes:
        values: float32 of the shape; a piece holds nothing before it is drawn.
    """

    def __init__(self, shape: tuple[int, ...], probability: float) -> None:
        self.values = np.empty(shape, np.float32)
        self._threshold = round(probability * VALUES)
        self._seed = int(paddle.randint(0, np.iinfo(np.int32).max, [1], dtype="int64"))

    def draw(self, piece: int, rows: slice) -> np.ndarray:
        """Draw the rows of a piece, and return them."""
        values = self.values[rows]
        generator = np.random.SFC64([self._seed, piece])
        # What Generator.integers() makes of the same bits, in two fifths of its time.
        draws = generator.random_raw(-(-values.size // 4)).view(np.uint16)
        draws = draws[: values.size].reshape(values.shape)
        factor = np.float32(VALUES / (VALUES - self._threshold))
        return np.multiply(draws >= self._threshold, factor, out=values)


def dropout_mask(shape: tuple[int, ...], probability: float) -> DropoutMask | None:
    """A mask to be drawn; None when nothing is dropped."""
    return DropoutMask(shape, probability) if probability else None
