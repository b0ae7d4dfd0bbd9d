"""Weights from PyTorch to Paddle and back, with a record of every tensor."""

from infoxlm.convert.directions import convert_to_paddle, convert_to_torch
from infoxlm.convert.report import ConversionReport, append_verification
from infoxlm.convert.verification import Verification
from infoxlm.convert.verify import verify

__all__ = [
    "ConversionReport",
    "Verification",
    "append_verification",
    "convert_to_paddle",
    "convert_to_torch",
    "verify",
]
