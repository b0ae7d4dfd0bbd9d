"""InfoXLM: configuration, encoder, heads, and the folders they live in."""

from infoxlm.model.configuration import InfoXLMConfig
from infoxlm.model.modeling import (
    InfoXLMForMaskedLM,
    InfoXLMForSequenceClassification,
    InfoXLMModel,
)

__all__ = [
    "InfoXLMConfig",
    "InfoXLMForMaskedLM",
    "InfoXLMForSequenceClassification",
    "InfoXLMModel",
]
