"""InfoXLM with PaddlePaddle: convert, fine-tune, evaluate in fifteen languages."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# Loaded on first use, so that `import infoxlm` needs neither paddle nor paddlenlp.
_EXPORTS = {
    "InfoXLMConfig": "infoxlm.model",
    "InfoXLMForMaskedLM": "infoxlm.model",
    "InfoXLMForPretraining": "infoxlm.model",
    "InfoXLMForQuestionAnswering": "infoxlm.model",
    "InfoXLMForSequenceClassification": "infoxlm.model",
    "InfoXLMModel": "infoxlm.model",
    "InfoXLMTokenizer": "infoxlm.tokenization.tokenizer",
}

__all__ = ["__version__", *_EXPORTS]


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        return getattr(import_module(_EXPORTS[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
