"""Checkpoints from the Hugging Face hub."""

import logging
import re
from pathlib import Path

from infoxlm.convert.torch_folder import require_torch
from infoxlm.errors import UserError
from infoxlm.tokenizer import MODEL_FILE as TOKENIZER_FILE
from infoxlm.weights_file import PYTORCH_PICKLE, SAFETENSORS

logger = logging.getLogger(__name__)

#: owner/name, as the hub spells repositories.
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def download_checkpoint(repository: str) -> Path:
    """Fetch the few files that a conversion reads, or take them from the hub's cache.

    huggingface_hub sees to the cache, to ``HF_ENDPOINT`` (a mirror), ``HF_HUB_OFFLINE`` and
    ``HF_HOME``.

    Args:
        repository: Such as ``microsoft/infoxlm-base``.

    Returns:
        The folder that holds the files.

    Raises:
        UserError: The hub cannot be reached, or lacks the repository or one of the files.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub import logging as hub_logging
    from huggingface_hub.errors import EntryNotFoundError

    logger.info("fetching %s from the Hugging Face hub", repository)
    hub_logging.set_verbosity_error()  # it reports each of six attempts in several lines
    try:
        folder = Path(hf_hub_download(repository, "config.json")).parent
        hf_hub_download(repository, TOKENIZER_FILE)
        try:
            hf_hub_download(repository, SAFETENSORS)
        except EntryNotFoundError:
            require_torch()
            hf_hub_download(repository, PYTORCH_PICKLE)
    except UserError:
        raise
    except Exception as error:  # the hub's client raises its own, requests' and the system's
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise UserError(
            f"{repository} cannot be fetched from the Hugging Face hub: {reason}",
            "Set HF_ENDPOINT to a mirror, or fetch config.json, the weights and "
            f"{TOKENIZER_FILE} elsewhere and give their folder as source.",
        ) from error
    return folder
