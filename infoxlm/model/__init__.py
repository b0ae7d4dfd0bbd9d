"""InfoXLM: configuration, encoder, heads, and the folders they live in."""

from infoxlm.hardware.environment import load_paddle, prepare_environment

prepare_environment()
load_paddle()

from infoxlm.model.configuration import InfoXLMConfig  # noqa: E402
from infoxlm.model.masked_lm import InfoXLMForMaskedLM  # noqa: E402
from infoxlm.model.modeling import InfoXLMForSequenceClassification, InfoXLMModel  # noqa: E402
from infoxlm.model.pretraining import InfoXLMForPretraining  # noqa: E402
from infoxlm.model.question_answering import InfoXLMForQuestionAnswering  # noqa: E402

__all__ = [
    "InfoXLMConfig",
    "InfoXLMForMaskedLM",
    "InfoXLMForPretraining",
    "InfoXLMForQuestionAnswering",
    "InfoXLMForSequenceClassification",
    "InfoXLMModel",
]
