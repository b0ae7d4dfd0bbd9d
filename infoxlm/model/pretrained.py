"""Models to and from folders that PaddleNLP reads and writes as well."""

import logging
import os
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import paddle
from paddle import nn
from paddlenlp.transformers.model_utils import PretrainedModel

from infoxlm.checkpoint.architecture import LM_HEAD
from infoxlm.checkpoint.config_file import CONFIG_FILE, read_config_file
from infoxlm.checkpoint.file_pages import MAPPED, lies_in_file
from infoxlm.checkpoint.names import check_tied, match_names
from infoxlm.checkpoint.tensor_names import canonical_name
from infoxlm.checkpoint.weights_file import WeightsFile, write_weights
from infoxlm.constants import ENCODER_PREFIX
from infoxlm.errors import UserError
from infoxlm.model.configuration import InfoXLMConfig

logger = logging.getLogger(__name__)


class InfoXLMPretrainedModel(PretrainedModel):
    """The base class of the models: drawing fresh weights, loading and saving folders."""

    config_class = InfoXLMConfig
    base_model_prefix = ENCODER_PREFIX.rstrip(".")
    #: The class of PaddleNLP and transformers that this one stands for in config.json.
    architecture: ClassVar[str]
    #: Parts that are trained with the model and are none of it: its folder does not hold them.
    apart: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def from_pretrained(
        cls, folder: str | os.PathLike, *args: Any, new_head: bool = False, **overrides: Any
    ) -> Self:
        """Load a folder written by ``save_pretrained`` here or in PaddleNLP.

        A head that the folder lacks altogether is drawn at random, and the log says so; weights
        of other heads are left out. Nothing else may be missing, be there twice, be of another
        shape, belong to more layers than the configuration has, or have no place in XLM-R.

        Args:
            folder: The model folder: ``config.json`` and the weights.
            *args: Not used; PaddleNLP's signature.
            new_head: Draw the head at random even if the folder has one.
            **overrides: Entries of the configuration to replace, such as
                ``hidden_dropout_prob``.

        Raises:
            UserError: The folder does not hold a model of this kind.
        """
        folder = Path(folder)
        described = read_config_file(folder) | overrides
        weights = WeightsFile.find(folder)
        match = match_names(weights.names, described, str(weights.path))
        match.log_renamed(weights.path)
        try:
            config = InfoXLMConfig.from_dict(described)
        except (TypeError, ValueError, AttributeError) as error:
            raise UserError(
                f"{folder / CONFIG_FILE} has an entry that PaddleNLP cannot take: {error}",
                "Leave out what is not needed; compare with a file that `infoxlm convert` wrote.",
            ) from error
        with paddle.LazyGuard():  # no memory, no random draw: every value comes from the file
            model = cls(config)
        parameters = {canonical_name(name): x for name, x in model.named_parameters()}
        heads = {name.split(".")[0] for name in parameters} - {cls.base_model_prefix}
        drawn = {x for x in heads if new_head or not weights.has_part(x)}
        for name, parameter in parameters.items():
            if name.split(".")[0] not in drawn:
                if name not in match.sources:
                    raise UserError(
                        f"{weights.path} has no {name}: its head is of another kind",
                        "Give new_head=True to draw one at random.",
                    )
                fill(parameter, weights, match.sources[name])
        if LM_HEAD in heads:
            check_tied(weights, match)
        for head in sorted(drawn):
            if head not in cls.apart:
                kept = "is asked for a new" if weights.has_part(head) else "has no"
                logger.info("%s %s %s: drawn at random", folder, kept, head)
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
        state = self.state_dict()
        write_weights(
            folder, {name: x for name, x in state.items() if name.split(".")[0] not in self.apart}
        )

    def read_whole(self) -> None:
        """Take what lies in the pages of its file into memory: the file is going to be removed.

        Some network file systems cannot remove a folder whose files are in use.
        """
        for parameter in filter(lies_in_file, self.parameters()):
            values = np.array(np.from_dlpack(parameter.detach()))
            paddle.from_dlpack(values)._share_buffer_to(parameter)
            setattr(parameter, MAPPED, False)

    def init_unless_loading(self, module: nn.Layer) -> None:
        """Draw a part's weights, unless the model is being built to be filled from a file."""
        if all(parameter._is_initialized() for parameter in module.parameters()):
            init_weights(module, self.config.initializer_range)


def fill(parameter: paddle.Tensor, weights: WeightsFile, name: str) -> None:
    """Give a parameter a tensor's values; on CPUs a large one stays in the pages of its file.

    Of a quarter of a million embeddings most runs need a tenth.

    Raises:
        UserError: It is not what is expected.
    """
    shape = tuple(parameter.shape)
    mapped = weights.map(name, shape) if paddle.get_device() == "cpu" else None
    if mapped is None:
        parameter.set_value(weights.read(name, shape))
    else:
        paddle.from_dlpack(mapped)._share_buffer_to(parameter)
        setattr(parameter, MAPPED, True)


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
