"""The name that reports call an encoder by."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

#: Layers and width of the encoders whose scores were published.
SHAPES = {
    "infoxlm_base": (12, 768),
    "infoxlm_large": (24, 1024),
    "xlmr_base": (12, 768),
    "xlmr_large": (24, 1024),
    "xlm_align_base": (12, 768),
}


def encoder_name(described: Mapping[str, Any], name: str, checkpoint: str | None) -> str:
    """Name an encoder, and none of another shape after one whose scores were published.

    Args:
        described: The ``config.json`` of the checkpoint; with random weights the shape alone.
        name: ``model.name`` of the configuration, where ``config.json`` holds no name.
        checkpoint: ``model.checkpoint`` as the user gave it; None for random weights.
    """
    name = described.get("encoder_name") or name
    if name not in SHAPES:
        return name
    if checkpoint is None:
        return f"{name} with random weights"
    layers, width = described["num_hidden_layers"], described["hidden_size"]
    if (layers, width) == SHAPES[name]:
        return name
    folder = Path(checkpoint).expanduser().resolve().name
    return f"{folder} ({layers} layers of {width})"
