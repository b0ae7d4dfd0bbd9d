"""Choices that a configuration makes by name."""

from enum import Enum


class Amp(Enum):
    """Automatic mixed precision: none (fp32), or half precision of either kind."""

    none = "none"
    bf16 = "bf16"
    fp16 = "fp16"


class SelectOn(Enum):
    """The dev accuracy that decides which checkpoint is the best."""

    dev_average = "dev_average"
    dev_en = "dev_en"


class Unanswerable(Enum):
    """Fate of questions without an answer: an error, left out, or learned as such."""

    refuse = "refuse"
    drop = "drop"
    keep = "keep"


class Faulty(Enum):
    """Fate of examples at fault: answers not found at their place, pairs with an empty side."""

    refuse = "refuse"
    drop = "drop"


class AnswerRules(Enum):
    """Rules by which an answer equals another: those of SQuAD 1.1, or MLQA's by language."""

    squad = "squad"
    mlqa = "mlqa"


class Momentum(Enum):
    """Course of the momentum of the key encoder while training goes on."""

    constant = "constant"
    linear = "linear"
    exponential = "exponential"


class Direction(Enum):
    """Direction of ``infoxlm convert``."""

    to_paddle = "to_paddle"
    to_torch = "to_torch"


class ExportFormat(Enum):
    """Output of ``infoxlm export``: Paddle's static model alone, or ONNX as well."""

    paddle = "paddle"
    onnx = "onnx"


class ExportPrecision(Enum):
    """Storage of an exported model's weights; the ranges of int8 are dynamic or static."""

    fp32 = "fp32"
    fp16 = "fp16"
    int8_dynamic = "int8_dynamic"
    int8_static = "int8_static"


class RuntimeName(Enum):
    """Runtime of a model."""

    paddle = "paddle"
    onnx = "onnx"


class OnError(Enum):
    """Meaning of a row that cannot be read to ``infoxlm predict``."""

    skip = "skip"
    stop = "stop"


class Pooling(Enum):
    """Pooling of the states of a sentence's tokens into one vector."""

    mean = "mean"
    cls = "cls"


class Similarity(Enum):
    """Similarity by which the nearest sentence is found."""

    cosine = "cosine"
    margin = "margin"
