"""The tokenizer's files written, for us, PaddleNLP and transformers."""

import json
import logging
from pathlib import Path
from typing import Any

from infoxlm.constants import MAX_LENGTH
from infoxlm.errors import UserError
from infoxlm.files.atomic import atomic_file
from infoxlm.tokenization.sentencepiece_model import read_model
from infoxlm.tokenization.tokenizer_files import (
    ADDED_TOKENS_FILE,
    CONFIG_FILE,
    DECODER,
    MODEL_FILE,
    SPECIAL_TOKENS_FILE,
    TokenizerFiles,
)
from infoxlm.tokenization.tokenizer_json import TOKENIZER_JSON, TokenizerJson
from infoxlm.tokenization.tokenizer_json_writer import own_special_tokens, tokenizer_json
from infoxlm.tokenization.tokenizer_settings import SPECIAL_TOKENS

logger = logging.getLogger(__name__)


def write_tokenizer_files(files: TokenizerFiles, folder: Path, *, mask_id: int, fast: bool) -> None:
    """Write a tokenizer into a model folder.

    Args:
        files: The tokenizer.
        folder: The folder.
        mask_id: The id of ``<mask>``, the last of the vocabulary.
        fast: Whether to write ``tokenizer.json`` too, which transformers needs from version 5 on,
            and before where sentencepiece is not installed. With added tokens it is always
            written: it alone says everything about them.
    """
    config: dict[str, Any] = {
        "tokenizer_class": "XLMRobertaTokenizer",
        "model_max_length": MAX_LENGTH,
        **SPECIAL_TOKENS,
    }
    special: dict[str, Any] = dict(SPECIAL_TOKENS)
    contents = {MODEL_FILE: files.model}
    tokens = (*own_special_tokens(mask_id), *files.added_tokens)
    if fast or files.added_tokens:
        config[DECODER] = {str(token.id): token.entry() for token in tokens}
        try:
            whole = TokenizerJson(read_model(files.model), tokens, files.keeps_spaces)
            contents[TOKENIZER_JSON] = tokenizer_json(whole)
        except UserError as error:
            logger.warning("%s is not written: %s", TOKENIZER_JSON, error)
    if files.added_tokens:
        ids = {token.content: token.id for token in files.added_tokens}
        contents[ADDED_TOKENS_FILE] = json.dumps(ids, ensure_ascii=False, indent=2).encode()
        more = [token.content for token in files.added_tokens if token.special]
        if more:
            config["additional_special_tokens"] = special["additional_special_tokens"] = more
    contents[CONFIG_FILE] = json.dumps(config, ensure_ascii=False, indent=2).encode()
    contents[SPECIAL_TOKENS_FILE] = json.dumps(special, ensure_ascii=False, indent=2).encode()
    for name, content in contents.items():
        with atomic_file(folder / name) as path:
            path.write_bytes(content)
