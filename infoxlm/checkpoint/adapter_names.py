"""Tensors of adapters inside a checkpoint, known by what peft and AdapterHub call them."""

import re
from collections.abc import Iterable

from infoxlm.errors import UserError, and_more

#: Low-rank matrices and the wrappers that peft puts around a layer; AdapterHub says ``loras``.
LORA = re.compile(r"(?:^|\.)(?:lora_\w+|loras|base_layer|base_model|modules_to_save)(?:\.|$)")
#: Layers between the layers, and vectors before the tokens.
ADAPTER = re.compile(
    r"(?:^|\.)(?:(?:invertible_)?adapters?|adapter_\w+|prefix_tunings?|prompt_\w+)(?:\.|$)"
)


def check_no_adapters(names: Iterable[str], where: str) -> None:
    """Raise when a checkpoint holds adapters next to, or around, its own weights.

    Args:
        names: The checkpoint's tensor names, sorted.
        where: What it is called in messages.

    Raises:
        UserError: It does: its own weights alone are another model.
    """
    names = list(names)
    if found := [name for name in names if LORA.search(name)]:
        raise UserError(
            f"{where} holds LoRA tensors that are not merged: {and_more(found)}",
            "Merge them where it was trained, with peft's model.merge_and_unload() or AdapterHub's "
            "model.merge_adapter(NAME), and save again; or give peft's own folder of the adapter "
            "(adapter_config.json), which is merged on reading.",
        )
    if found := [name for name in names if ADAPTER.search(name)]:
        raise UserError(
            f"{where} holds adapters: {and_more(found)}",
            "These compute between XLM-R's layers, where nothing can be merged with them: give a "
            "model that was fine-tuned whole, or with LoRA, which model.merge_and_unload() of peft "
            "merges.",
        )
