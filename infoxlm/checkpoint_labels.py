"""Whether a checkpoint is a classifier, and of which labels."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infoxlm.config_file import CONFIG_FILE, read_config_file
from infoxlm.constants import LABELS
from infoxlm.errors import UserError
from infoxlm.weights_file import WeightsFile

CLASSIFIER = "classifier"


def names_labels(config: Mapping[str, Any]) -> bool:
    """Whether the ``id2label`` of a ``config.json`` is XNLI's, in whichever order."""
    labels = config.get("id2label") or {}
    return sorted(label.lower() for label in labels.values()) == sorted(LABELS)


def require_labels(folder: Path) -> None:
    """Check that a model folder holds a classifier that tells XNLI's labels apart.

    Raises:
        UserError: It holds none, or one of other labels.
    """
    config = read_config_file(folder)
    if not names_labels(config):
        refuse_labels(folder, config)
    weights = WeightsFile.find(folder)
    if not weights.has_part(CLASSIFIER):
        raise UserError(
            f"{weights.path} holds an encoder without a classifier",
            "Fine-tune it first: infoxlm train model.checkpoint=FOLDER.",
        )


def refuse_other_labels(folder: Path) -> None:
    """Check that a model folder holds no classifier, or one of XNLI's labels.

    Raises:
        UserError: It holds a classifier of other labels.
    """
    config = read_config_file(folder)
    if not names_labels(config) and WeightsFile.find(folder).has_part(CLASSIFIER):
        refuse_labels(folder, config)


def refuse_labels(folder: Path, config: Mapping[str, Any]) -> None:
    """Raise the error of a classifier for something else."""
    found = ", ".join((config.get("id2label") or {}).values()) or "nothing"
    raise UserError(
        f"{folder} is not a classifier for {', '.join(LABELS[:-1])} and {LABELS[-1]}: id2label in "
        f"its {CONFIG_FILE} names {found}",
        "Give a checkpoint that `infoxlm train` wrote; if it is such a classifier, name its labels "
        "in their order.",
    )
