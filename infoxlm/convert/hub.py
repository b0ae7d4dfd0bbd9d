"""Checkpoints from the Hugging Face hub."""

import logging
import re
from collections.abc import Callable
from pathlib import Path

from infoxlm.checkpoint.config_file import CONFIG_FILE
from infoxlm.checkpoint.sharded_weights import INDEX_SUFFIX, listed_files
from infoxlm.checkpoint.weights_file import PYTORCH_PICKLE, SAFETENSORS
from infoxlm.convert.lora_adapter import ADAPTER_FILES
from infoxlm.convert.lora_config import ADAPTER_CONFIG
from infoxlm.convert.torch_folder import check_torch
from infoxlm.errors import UserError
from infoxlm.tokenization.tokenizer_files import (
    ADDED_TOKENS_FILE,
    MODEL_FILE,
    SPECIAL_TOKENS_FILE,
)
from infoxlm.tokenization.tokenizer_files import CONFIG_FILE as TOKENIZER_CONFIG
from infoxlm.tokenization.tokenizer_json import TOKENIZER_JSON

logger = logging.getLogger(__name__)

#: owner/name, as the hub spells repositories.
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")

TOKENIZER_SETTINGS = (TOKENIZER_CONFIG, SPECIAL_TOKENS_FILE, ADDED_TOKENS_FILE)

#: Fetches a file of the repository; None: the repository does not have it.
Fetch = Callable[[str], Path | None]


def download_checkpoint(repository: str, revision: str | None = None) -> Path:
    """Fetch the few files that a conversion reads, or take them from the hub's cache.

    huggingface_hub sees to the cache, to ``HF_ENDPOINT`` (a mirror), ``HF_HUB_OFFLINE`` and
    ``HF_HOME``.

    Args:
        repository: Such as ``microsoft/infoxlm-base``.
        revision: Which state of it; None: the newest.

    Returns:
        The folder that holds the files.

    Raises:
        UserError: The hub cannot be reached, or lacks the repository or one of the files.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub import logging as hub_logging
    from huggingface_hub.errors import (
        EntryNotFoundError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    logger.info("fetching %s from the Hugging Face hub", repository)
    hub_logging.set_verbosity_error()  # it reports each of six attempts in several lines
    unreachable: list[Exception] = []

    def fetch(name: str) -> Path | None:
        try:
            return Path(hf_hub_download(repository, name, revision=revision))
        except EntryNotFoundError as error:
            # Of the second kind when the hub could not be asked: another file may be in its cache.
            if isinstance(error, LocalEntryNotFoundError):
                unreachable.append(error)
            return None

    try:
        return fetch_files(fetch, repository)
    except UserError:
        if not unreachable:
            raise
        cause = unreachable[0]
    except RepositoryNotFoundError as error:
        raise UserError(
            f"the Hugging Face hub has no repository {repository}, or does not show it to you",
            "Correct the name; for a private or gated one, set HF_TOKEN.",
        ) from error
    except Exception as error:  # the hub's client raises its own, requests' and the system's
        cause = error
    reason = str(cause).strip().split("\n")[0] or type(cause).__name__
    raise UserError(
        f"{repository} cannot be fetched from the Hugging Face hub: {reason}",
        "Set HF_ENDPOINT to a mirror, or fetch config.json, the weights and "
        f"{MODEL_FILE} elsewhere and give the folder that holds them instead.",
    ) from cause


def fetch_files(fetch: Fetch, repository: str) -> Path:
    """Fetch a model, or an adapter where that is what a repository holds.

    Args:
        fetch: Fetches one file.
        repository: What it is called in messages.

    Raises:
        UserError: The repository lacks a file that is needed.
    """
    if fetch(CONFIG_FILE) is None:
        if (config := fetch(ADAPTER_CONFIG)) is None:
            raise missing(repository, CONFIG_FILE)
        fetch_first(fetch, tuple(ADAPTER_FILES), repository)
        return config.parent
    vocabularies = [fetch(name) for name in (MODEL_FILE, TOKENIZER_JSON)]
    if not any(vocabularies):
        raise missing(repository, f"{MODEL_FILE} and no {TOKENIZER_JSON}")
    for name in TOKENIZER_SETTINGS:  # which a folder may lack, and which say how to split
        fetch(name)
    kinds = (SAFETENSORS, PYTORCH_PICKLE)
    names = tuple(f"{kind}{ending}" for kind in kinds for ending in ("", INDEX_SUFFIX))
    found = fetch_first(fetch, names, repository)
    if found.name.endswith(INDEX_SUFFIX):
        for name in listed_files(found):
            if fetch(name) is None:
                raise missing(repository, name)
    return found.parent


def fetch_first(fetch: Fetch, names: tuple[str, ...], repository: str) -> Path:
    """Fetch the first file of several that a repository has.

    Raises:
        UserError: It has none of them, or torch is missing to read it.
    """
    for name in names:
        if name.startswith(PYTORCH_PICKLE):
            check_torch()  # known before a gigabyte is fetched
        if (path := fetch(name)) is not None:
            return path
    raise missing(repository, " and no ".join(x for x in names if not x.endswith(INDEX_SUFFIX)))


def missing(repository: str, name: str) -> UserError:
    """The error for a file that a repository of the hub does not have."""
    return UserError(
        f"{repository} on the Hugging Face hub has no {name}",
        "Give another repository, or a folder that holds the model's files with the missing one "
        "added.",
    )
