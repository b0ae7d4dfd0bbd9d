"""Options of the cross-lingual contrast."""

from dataclasses import dataclass, fields
from typing import Any, Self


@dataclass(frozen=True)
class ContrastOptions:
    """Options of the cross-lingual contrast; the defaults are those of the released base model.

    Attributes:
        block: The block whose state of ``<s>`` is contrasted; 1 is the first.
        projection: Whether a matrix without bias projects that state.
        normalize: Whether vectors are scaled to length 1; the released models do not.
        temperature: The divisor of the dot products.
        queue_size: Keys of earlier batches that serve as negatives.
        batch_negatives: Whether the keys of the batch's other examples are negatives as well.
        mask_equal_texts: Whether keys that share a sentence with an example are none of its
            negatives; the released models do not look.
        momentum: The share of itself that the key encoder keeps in each step, or comes to.
        momentum_schedule: How it changes: ``constant``, ``linear`` or ``exponential``.
        momentum_start: The momentum that a schedule begins with.
        momentum_steps: Steps of the linear schedule.
        momentum_power: The power of the exponential schedule.
    """

    block: int = 8
    projection: bool = True
    normalize: bool = False
    temperature: float = 0.25
    queue_size: int = 131_072
    batch_negatives: bool = False
    mask_equal_texts: bool = True
    momentum: float = 0.9999
    momentum_schedule: str = "constant"
    momentum_start: float = 0.99
    momentum_steps: int = 10_000
    momentum_power: float = 1.0

    @classmethod
    def of(cls, config: Any) -> Self:
        """The options among the attributes of a configuration; of choices the values are taken."""
        found = {field.name: getattr(config, field.name) for field in fields(cls)}
        return cls(**{name: getattr(value, "value", value) for name, value in found.items()})
