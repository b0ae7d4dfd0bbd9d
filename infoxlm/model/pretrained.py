"""Models to and from folders that PaddleNLP reads and writes as well."""

import logging
import os
from pathlib import Path
from typing import Any, ClassVar, Self

import paddle
from paddle import nn
from paddlenlp.transformers import PretrainedModel

from infoxlm.constants import ENCODER_PREFIX
from infoxlm.errors import UserError
from infoxlm.model.configuration import InfoXLMConfig
from infoxlm.weights_file import WeightsFile, read_config_file, write_weights

logger = logging.getLogger(__name__)

HEADS = ("classifier", "lm_head")


class InfoXLMPretrainedModel(PretrainedModel):
    """What the three models share: drawing fresh weights, loading and saving folders."""

    config_class = InfoXLMConfig
    base_model_prefix = ENCODER_PREFIX.rstrip(".")
    #: The class of PaddleNLP and transformers that this one stands for in config.json.
    architecture: ClassVar[str]

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike, *args: Any, **overrides: Any) -> Self:
        """Load a folder written by ``save_pretrained`` here or in PaddleNLP.

        A head that the folder lacks altogether is drawn at random, and the log says so; weights
        of other heads are left out. Nothing else may be missing or of another shape.

        Args:
            folder: The model folder: ``config.json`` and the weights.
            *args: Not used; PaddleNLP's signature.
            **overrides: Entries of the configuration to replace, such as
                ``hidden_dropout_prob``.

        Raises:
            UserError: The folder does not hold a model of this kind.
        """
        folder = Path(folder)
        config = InfoXLMConfig.from_dict(read_config_file(folder) | overrides)
        weights = WeightsFile.find(folder)
        with paddle.LazyGuard():  # no memory, no random draw: every value comes from the file
            model = cls(config)
        missing = []
        for name, parameter in model.named_parameters():
            source = weights.find_name(name, ENCODER_PREFIX)
            if source is None:
                missing.append(name)
            else:
                parameter.set_value(weights.read(source, tuple(parameter.shape)))
        absent = [head for head in HEADS if not weights.has_part(head)]
        for name in missing:
            if name.split(".")[0] not in absent:
                raise UserError(
                    f"{weights.path} has no tensor {name}",
                    "Give a folder that holds the whole model, or convert it again.",
                )
        for head in sorted({name.split(".")[0] for name in missing}):
            logger.info("%s has no %s: drawn at random", folder, head)
            init_weights(getattr(model, head), config.initializer_range)
        return model

    def save_pretrained(self, folder: str | os.PathLike, *args: Any, **kwargs: Any) -> None:
        """Write ``config.json`` and ``model.safetensors``, readable by PaddleNLP.

        Args:
            folder: Where to; made when it is missing.
            *args: Not used; PaddleNLP's signature.
            **kwargs: Not used; PaddleNLP's signature.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.config.architectures = [self.architecture]
        self.config.dtype = "float32"
        self.config.save_pretrained(str(folder))
        state = {name: value.astype("float32").numpy() for name, value in self.state_dict().items()}
        write_weights(folder, state)

    def init_unless_loading(self, module: nn.Layer) -> None:
        """Draw a part's weights, unless the model is being built to be filled from a file."""
        if all(parameter._is_initialized() for parameter in module.parameters()):
            init_weights(module, self.config.initializer_range)


def init_weights(module: nn.Layer, deviation: float) -> None:
    """Draw every weight as BERT does: normal matrices, zero biases, LayerNorm at identity.

    Args:
        module: The part to initialise.
        deviation: Standard deviation of the matrices (``initializer_range``).
    """
    for layer in module.sublayers(include_self=True):
        for name, parameter in layer.named_parameters(include_sublayers=False):
            if name == "bias":
                value = paddle.zeros(parameter.shape)
            elif isinstance(layer, nn.LayerNorm):
                value = paddle.ones(parameter.shape)
            else:
                value = paddle.normal(0.0, deviation, parameter.shape)
            parameter.set_value(value)
