"""A configuration as plain values, to be written, compared and shown."""

from collections.abc import Mapping
from typing import Any

from infoxlm.schema.plain import plain_config


def flat_settings(config: Any) -> dict[str, Any]:
    """A configuration as ``{"optimizer.learning_rate": 2e-5, ...}``.

    Numbers stay numbers; everything else is written as it is typed on the command line.
    """

    def flatten(node: Any, prefix: str) -> dict[str, Any]:
        settings: dict[str, Any] = {}
        for key, value in node.items():
            if isinstance(value, dict):
                settings |= flatten(value, f"{prefix}{key}.")
            else:
                settings[f"{prefix}{key}"] = typed(value)
        return settings

    return flatten(plain_config(config), "")


def typed(value: Any) -> int | float | str:
    """A value as it is typed on the command line; numbers as they are."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list):
        return f"[{','.join(map(str, value))}]"
    plain: int | float | str = value
    return plain


def compared_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that runs are compared by: not where things are, nor what the machine is."""
    places = (
        "name", "data.root", "data.train_root", "data.train_files", "data.dev_root",
        "data.mono", "data.parallel", "data.eval_pairs", "data.cache_dir", "data.eval_languages",
        "consistency.dictionaries",
        "trainer.resume", "trainer.replay",
    )  # fmt: skip
    return {
        key: value
        for key, value in settings.items()
        if key not in places and not key.startswith(("hardware.", "model.shape"))
    }
