"""From the configuration to a model on its device."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import paddle

from infoxlm.checkpoint.architecture import numbered_labels
from infoxlm.checkpoint.config_file import DROPOUTS, check_fits, read_config_file
from infoxlm.checkpoint.encoder_name import encoder_name
from infoxlm.checkpoint.labels import (
    check_answers_or_encoder,
    check_masked_lm_or_encoder,
    check_reusable_head,
    names_labels,
)
from infoxlm.errors import UserError
from infoxlm.model.configuration import InfoXLMConfig
from infoxlm.model.masked_lm import InfoXLMForMaskedLM
from infoxlm.model.modeling import InfoXLMForSequenceClassification
from infoxlm.model.pretrained import InfoXLMPretrainedModel
from infoxlm.model.pretraining import InfoXLMForPretraining
from infoxlm.model.question_answering import OUTPUTS, InfoXLMForQuestionAnswering
from infoxlm.schema import ModelConfig, ShapeConfig

logger = logging.getLogger(__name__)

Model = TypeVar("Model", bound=InfoXLMPretrainedModel)


def select_device(device: str) -> None:
    """Make Paddle compute on ``cpu``, ``gpu`` or ``gpu:N``.

    Raises:
        UserError: There is no such device.
    """
    number = int(device.partition(":")[2] or 0)
    if device.startswith("gpu") and number >= paddle.device.cuda.device_count():
        raise UserError(
            f"hardware.device={device}: this machine has {paddle.device.cuda.device_count()} GPUs",
            "Give the number of one that exists, counted from 0.",
        )
    paddle.set_device(device)


def load_classifier(
    config: ModelConfig,
    folder: Path | None,
    vocab_size: int,
    max_length: int,
    *,
    labels: tuple[str, ...],
    task_name: str,
    new_head: bool = False,
) -> InfoXLMForSequenceClassification:
    """The classifier to train: a checkpoint's, or one of random weights.

    A checkpoint without a classification head gets a fresh one over the labels, and so does any
    checkpoint when asked; one with a head for those labels keeps it, and their order.

    Args:
        config: ``model.*`` of the configuration.
        folder: The Paddle model folder; None for random weights of ``model.shape``.
        vocab_size: What the tokenizer needs.
        max_length: The longest input, in tokens.
        labels: What the head tells apart.
        task_name: What the checkpoint's ``config.json`` calls its task.
        new_head: Draw a head, whatever head the checkpoint has.

    Raises:
        UserError: The checkpoint cannot be read or does not fit tokenizer, labels or length.
    """
    names: dict[str, Any] = {
        "id2label": dict(enumerate(labels)),
        "label2id": {x: i for i, x in enumerate(labels)},
    }
    if folder is not None and not new_head:
        check_reusable_head(folder, labels=labels)
        if names_labels(read_config_file(folder), labels):
            names = {}
    return _load(
        InfoXLMForSequenceClassification, config, folder, vocab_size, max_length,
        task_name=task_name, new_head=new_head, names=names,
    )  # fmt: skip


def load_question_answerer(
    config: ModelConfig,
    folder: Path | None,
    vocab_size: int,
    max_length: int,
    *,
    task_name: str,
    new_head: bool = False,
) -> InfoXLMForQuestionAnswering:
    """The model for question answering to train: a checkpoint's, or one of random weights.

    A checkpoint without such a head gets a fresh one, and so does any checkpoint when asked.

    Args:
        config: ``model.*`` of the configuration.
        folder: The Paddle model folder; None for random weights of ``model.shape``.
        vocab_size: What the tokenizer needs.
        max_length: The longest window, in tokens.
        task_name: What the checkpoint's ``config.json`` calls its task.
        new_head: Draw a head, whatever head the checkpoint has.

    Raises:
        UserError: The checkpoint cannot be read, has the head of another task, or does not fit
            tokenizer or length.
    """
    if folder is not None and not new_head:
        check_answers_or_encoder(folder)
    # The labels of a classifier that the encoder comes from are none of this head's.
    return _load(
        InfoXLMForQuestionAnswering, config, folder, vocab_size, max_length,
        task_name=task_name, new_head=new_head, names=numbered_labels(OUTPUTS),
    )  # fmt: skip


def load_masked_lm(
    config: ModelConfig,
    folder: Path | None,
    vocab_size: int,
    max_length: int,
    *,
    task_name: str,
    new_head: bool = False,
    projection: bool = False,
) -> InfoXLMForMaskedLM:
    """The masked-LM model to train; a checkpoint without its head gets a fresh one.

    Its ``config.json`` keeps the dropout of the checkpoint, or the usual one: that of
    pre-training, most often 0, is none for whoever fine-tunes the encoder.

    Args:
        config: ``model.*`` of the configuration.
        folder: The Paddle model folder; None for random weights of ``model.shape``.
        vocab_size: What the tokenizer needs.
        max_length: The longest sequence, in tokens.
        task_name: What the checkpoint's ``config.json`` calls its task.
        new_head: Draw a head, whatever head the checkpoint has.
        projection: Whether it has the projection of the cross-lingual contrast.

    Raises:
        UserError: The checkpoint cannot be read, has the head of another task, or does not fit
            tokenizer or length.
    """
    if folder is not None and not new_head:
        check_masked_lm_or_encoder(folder)
    model = _load(
        InfoXLMForPretraining if projection else InfoXLMForMaskedLM,
        config,
        folder,
        vocab_size,
        max_length,
        task_name=task_name,
        new_head=new_head,
        names={},
    )
    known, usual = {} if folder is None else read_config_file(folder), InfoXLMConfig()
    for key in DROPOUTS:  # the layers have taken theirs
        setattr(model.config, key, known.get(key, getattr(usual, key)))
    return model


def _load(
    model_class: type[Model],
    config: ModelConfig,
    folder: Path | None,
    vocab_size: int,
    max_length: int,
    *,
    task_name: str,
    new_head: bool,
    names: Mapping[str, Any],
) -> Model:
    """A model with a head, as it is to be trained.

    Args:
        model_class: What it is.
        config: ``model.*`` of the configuration.
        folder: The Paddle model folder; None for random weights.
        vocab_size: What the tokenizer needs.
        max_length: The longest input, in tokens.
        task_name: What ``config.json`` calls the task.
        new_head: Draw a head, whatever head the checkpoint has.
        names: The entries of ``config.json`` that name the head's outputs, where they are set.
    """
    known = {} if folder is None else read_config_file(folder)
    named = None if folder is None else config.checkpoint or str(folder)
    overrides: dict[str, Any] = {
        **names,
        "recompute": config.recompute,
        "encoder_name": encoder_name(known, config.name, named),
        "train_max_length": max_length,
        "task_name": task_name,
    }
    if config.dropout is not None:
        overrides |= {
            "hidden_dropout_prob": config.dropout,
            "attention_probs_dropout_prob": config.dropout,
            "classifier_dropout": config.dropout,
        }
    # Optimizer state is keyed by the names Paddle generates: they must not depend on what was
    # built before in the process.
    with paddle.utils.unique_name.guard():
        if folder is None:
            shape = vars(config.shape or ShapeConfig())
            model = model_class(InfoXLMConfig(**shape, **overrides))
        else:
            model = model_class.from_pretrained(folder, new_head=new_head, **overrides)
    check_fits(model.config.to_dict(), vocab_size, max_length)
    return model
