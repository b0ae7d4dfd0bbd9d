"""All that the next step of a PyTorch loop depends on, in one file: written whole or not at all."""

from pathlib import Path
from typing import Any

import torch


def save(path: Path, model: Any, optimizer: Any, schedule: Any, **more: Any) -> None:
    """Write model, optimizer, schedule and PyTorch's random state.

    Args:
        path: The file; the one that is there is replaced in the end.
        model: The model.
        optimizer: Its optimizer.
        schedule: That of the learning rate.
        more: What else the loop has; tensors, numbers, texts, lists and dicts of them.
    """
    state = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "schedule": schedule.state_dict(),
        "random": torch.get_rng_state(),
        "more": more,
    }
    temporary = path.with_name(f".{path.name}")
    try:
        torch.save(state, temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def restore(path: Path, model: Any, optimizer: Any, schedule: Any) -> dict[str, Any]:
    """Read what `save` wrote, and return what else the loop had."""
    state = torch.load(path, weights_only=True)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    schedule.load_state_dict(state["schedule"])
    torch.set_rng_state(state["random"])
    return state["more"]
