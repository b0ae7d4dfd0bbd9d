"""The settings of ``tokenizer_config.json`` and ``special_tokens_map.json``, and those allowed."""

from pathlib import Path
from typing import Any

from infoxlm.errors import UserError
from infoxlm.schema.json_shapes import brief
from infoxlm.tokenization.tokenizer_json_reader import read_tokenizer_file

SPECIAL_TOKENS = {
    "bos_token": "<s>",
    "cls_token": "<s>",
    "eos_token": "</s>",
    "sep_token": "</s>",
    "unk_token": "<unk>",
    "pad_token": "<pad>",
    "mask_token": "<mask>",
}

#: Settings that would change ids, and the only value that is read.
FIXED_SETTINGS = {"add_prefix_space": True, "truncation_side": "right"}

#: Where special tokens beyond XLM-R's are listed; the second is transformers 5's.
MORE_SPECIAL_TOKENS = ("additional_special_tokens", "extra_special_tokens")

SAVE_AGAIN = "Save the tokenizer again with transformers, or correct the file."


def read_settings(path: Path) -> dict[str, Any]:
    """Read ``tokenizer_config.json`` or ``special_tokens_map.json``; nothing if it is not there.

    Raises:
        UserError: It is damaged, or sets what would change ids.
    """
    if not path.exists():
        return {}
    settings = read_tokenizer_file(path)
    wanted = {**SPECIAL_TOKENS, **FIXED_SETTINGS}
    for key in filter(settings.__contains__, wanted):
        value = settings[key]
        found = value.get("content") if isinstance(value, dict) else value
        if value is not None and found != wanted[key]:
            raise UserError(
                f"{path}: {key} is {brief(found)}, not {wanted[key]!r} as in XLM-R",
                "Give an XLM-R or InfoXLM checkpoint with its own tokenizer.",
            )
    return settings


def more_special_tokens(*settings: dict[str, Any]) -> dict[str, Any]:
    """The special tokens beyond XLM-R's that files list: text to entry, a text or an object."""
    entries: dict[str, Any] = {}
    for key in MORE_SPECIAL_TOKENS:
        for listed in (each.get(key) or [] for each in settings):
            if not isinstance(listed, list | dict):
                raise UserError(f"{key} of a tokenizer is {brief(listed)}, not a list", SAVE_AGAIN)
            for entry in listed.values() if isinstance(listed, dict) else listed:
                content = entry.get("content") if isinstance(entry, dict) else entry
                if content not in SPECIAL_TOKENS.values():
                    entries[str(content)] = entry
    return entries
