"""Which inputs of an operation want a gradient: Paddle takes none for the others."""

from collections.abc import Callable, Sequence

import paddle


def note_wanted(ctx: object, *inputs: paddle.Tensor) -> None:
    """Note in the forward pass which inputs want a gradient."""
    ctx.wanted = [not tensor.stop_gradient for tensor in inputs]  # type: ignore[attr-defined]


def only_wanted(
    ctx: object, *gradients: Callable[[], paddle.Tensor | None]
) -> tuple[paddle.Tensor | None, ...]:
    """The gradients that are wanted, each computed only then, and None for the others."""
    wanted: Sequence[bool] = ctx.wanted  # type: ignore[attr-defined]
    return tuple(
        gradient() if is_wanted else None
        for gradient, is_wanted in zip(gradients, wanted, strict=True)
    )
