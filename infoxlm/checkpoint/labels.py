"""Checks of a checkpoint's head: that it is the task's, and of the labels wanted.

Which logit is which label is decided in `tasks/classification/task.py`, `label_columns`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from infoxlm.checkpoint.architecture import CLASSIFIER, LM_HEAD, QA_HEAD
from infoxlm.checkpoint.config_file import CONFIG_FILE, read_config_file
from infoxlm.checkpoint.weights_file import WeightsFile
from infoxlm.errors import UserError

#: The classifier's last layer: the heads of token classification and multiple choice have none.
LAST_LAYER = "classifier.out_proj"
#: Heads of other tasks: what was fine-tuned for one is no bare encoder.
OTHER_HEADS = (CLASSIFIER, QA_HEAD)

NEW_HEAD = "Add model.new_head=true to take its encoder and draw a new head."


def names_labels(config: Mapping[str, Any], labels: Sequence[str]) -> bool:
    """Tell whether the ``id2label`` of a ``config.json`` names these labels, in whichever order."""
    found = (config.get("id2label") or {}).values()
    return sorted(str(x).lower() for x in found) == sorted(x.lower() for x in labels)


def check_classifier(folder: Path, named: str | None = None) -> None:
    """Check that a model folder holds a head of sentence classification.

    Args:
        folder: The Paddle model folder.
        named: What the user called it, for messages; the folder itself when None.

    Raises:
        UserError: It does not.
    """
    _check_head(folder, named, LAST_LAYER, "classifier", " of sentences")


def check_question_answerer(folder: Path, named: str | None = None) -> None:
    """Check that a model folder holds a head of question answering.

    Args:
        folder: The Paddle model folder.
        named: What the user called it, for messages; the folder itself when None.

    Raises:
        UserError: It does not.
    """
    _check_head(folder, named, QA_HEAD, "head of question answering", data="data=squad ")


def check_answers_or_encoder(folder: Path, named: str | None = None) -> None:
    """Check that a model folder holds no head, or one of question answering.

    Args:
        folder: The Paddle model folder.
        named: What the user called it, for messages; the folder itself when None.

    Raises:
        UserError: It holds the head of another task alone.
    """
    _check_no_other(WeightsFile.find(folder), QA_HEAD, named or folder)


def check_masked_lm_or_encoder(folder: Path, named: str | None = None) -> None:
    """Check that a model folder holds no head, or that of masked LM.

    Args:
        folder: The Paddle model folder.
        named: What the user called it, for messages; the folder itself when None.

    Raises:
        UserError: It holds the head of another task alone.
    """
    _check_no_other(WeightsFile.find(folder), LM_HEAD, named or folder)


def check_labels(folder: Path, named: str | None = None, *, labels: Sequence[str]) -> None:
    """Check that a model folder holds a classifier that tells a data set's labels apart.

    Args:
        folder: The Paddle model folder.
        named: What the user called it, for messages; the folder itself when None.
        labels: The labels of the data set.

    Raises:
        UserError: It holds none, or one of other labels.
    """
    config = read_config_file(folder)
    check_classifier(folder, named)
    if not names_labels(config, labels):
        raise other_labels(named or folder, config, labels)


def check_reusable_head(folder: Path, named: str | None = None, *, labels: Sequence[str]) -> None:
    """Check that a model folder holds no head of another task, or of other labels.

    Args:
        folder: The Paddle model folder.
        named: What the user called it, for messages; the folder itself when None.
        labels: The labels of the data set.

    Raises:
        UserError: It holds a classifier of other labels, or the head of another task alone.
    """
    config, weights = read_config_file(folder), WeightsFile.find(folder)
    if weights.has_part(LAST_LAYER) and not names_labels(config, labels):
        raise other_labels(named or folder, config, labels, NEW_HEAD)
    _check_no_other(weights, LAST_LAYER, named or folder)


def _check_head(
    folder: Path, named: str | None, part: str, wanted: str, precisely: str = "", data: str = ""
) -> None:
    """Raise where a folder's weights have no such head.

    Args:
        folder: The Paddle model folder.
        named: What the user called it.
        part: A part that only this head has.
        wanted: What the head is called in the message.
        precisely: What sets it apart from a head that is there.
        data: What `infoxlm train` has to be given to train such a head.
    """
    weights = WeightsFile.find(folder)
    if weights.has_part(part):
        return
    other = _other_head(weights)
    raise UserError(
        f"{named or weights.path} holds an encoder without a {wanted}"
        + (f"{precisely}; its {other} is of another task" if other else ""),
        f"Fine-tune it first: infoxlm train {data}model.checkpoint=FOLDER"
        + (" model.new_head=true." if other else "."),
    )


def _check_no_other(weights: WeightsFile, part: str, where: str | Path) -> None:
    """Raise where there is no such head, but another."""
    if not weights.has_part(part) and (other := _other_head(weights)):
        raise UserError(f"{where} was fine-tuned for another task: its head is {other}", NEW_HEAD)


def _other_head(weights: WeightsFile) -> str | None:
    """The first head of those that some task fine-tunes."""
    return next((head for head in OTHER_HEADS if weights.has_part(head)), None)


def other_labels(
    where: str | Path, config: Mapping[str, Any], labels: Sequence[str], remedy: str | None = None
) -> UserError:
    """Return the error of a classifier for something else.

    Args:
        where: What it is called in the message.
        config: Its ``config.json``.
        labels: The labels of the data set.
        remedy: What can be done other than naming the labels.
    """
    found = ", ".join(map(str, (config.get("id2label") or {}).values())) or "nothing"
    remedy = remedy or "Give a checkpoint that `infoxlm train` wrote for these labels."
    return UserError(
        f"{where} is not a classifier for {', '.join(labels[:-1])} and {labels[-1]}: id2label in "
        f"its {CONFIG_FILE} names {found}",
        f"{remedy} If it is such a classifier, name its labels in their order.",
    )
