"""The model that InfoXLM is pre-trained with: masked LM, and a projection for the contrast."""

from paddle import nn

from infoxlm.model.configuration import InfoXLMConfig
from infoxlm.model.masked_lm import InfoXLMForMaskedLM

#: The part that projects the states that are contrasted.
PROJECTION = "contrast_projection"


class InfoXLMForPretraining(InfoXLMForMaskedLM):
    """The masked language model with the projection of the cross-lingual contrast.

    The projection is a parameter like any other to optimizer, clipping and weight decay. Its
    folder is a masked language model's, which other libraries open: the projection is kept by the
    objective that it belongs to, next to the momentum encoder and the queue.
    """

    apart = (PROJECTION,)

    def __init__(self, config: InfoXLMConfig) -> None:
        super().__init__(config)
        self.contrast_projection = nn.Linear(
            config.hidden_size, config.hidden_size, bias_attr=False
        )
        self.init_unless_loading(self.contrast_projection)
