"""What a configuration chooses by name."""

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


class Direction(Enum):
    """Which way ``infoxlm convert`` goes."""

    to_paddle = "to_paddle"
    to_torch = "to_torch"


class ExportFormat(Enum):
    """What ``infoxlm export`` writes: Paddle's static model alone, or ONNX as well."""

    paddle = "paddle"
    onnx = "onnx"


class ExportPrecision(Enum):
    """How an exported model stores its weights; the ranges of int8 are dynamic or static."""

    fp32 = "fp32"
    fp16 = "fp16"
    int8_dynamic = "int8_dynamic"
    int8_static = "int8_static"


class RuntimeName(Enum):
    """What runs a model."""

    paddle = "paddle"
    onnx = "onnx"


class OnError(Enum):
    """What a row that cannot be read means to ``infoxlm predict``."""

    skip = "skip"
    stop = "stop"


class Pooling(Enum):
    """How the states of a sentence's tokens become one vector."""

    mean = "mean"
    cls = "cls"


class Similarity(Enum):
    """What the nearest sentence is nearest by."""

    cosine = "cosine"
    margin = "margin"
