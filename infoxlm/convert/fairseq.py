"""fairseq's checkpoints: XLM-R as it was published first, and InfoXLM as Microsoft trains it.

A folder with ``model.pt``, ``dict.txt`` and ``sentencepiece.bpe.model``. Names are those of
fairseq's RobertaModel: ``decoder.sentence_encoder.*``, and ``encoder.sentence_encoder.*`` since
fairseq 0.10. Query, key and value are one matrix in the oldest files.
"""

import logging
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from infoxlm.checkpoint.checkpoint import PYTORCH, Checkpoint
from infoxlm.checkpoint.config_file import CONFIG_FILE, MODEL_TYPE, check_config
from infoxlm.checkpoint.torch_file import TorchFile
from infoxlm.checkpoint.torch_pickle import Inert, StoredTensor
from infoxlm.checkpoint.weights_file import as_float32
from infoxlm.constants import BOS_ID, EOS_ID, PAD_ID
from infoxlm.convert.fairseq_dictionary import check_dictionary
from infoxlm.errors import UserError
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

logger = logging.getLogger(__name__)

MODEL_FILE = "model.pt"

#: Where the encoder lies in a model, and where its head.
ENCODER = re.compile(r"(?:model\.)?(?:decoder|encoder)\.sentence_encoder\.(.+)")
LM_HEAD = re.compile(r"(?:model\.)?(?:decoder|encoder)\.(lm_head\..+)")
LAYER = re.compile(r"layers\.(\d+)\.(.+)\.(weight|bias)")

#: fairseq's names for parts of the embeddings and of a layer, and ours.
EMBEDDINGS = {
    "embed_tokens": "word_embeddings",
    "embed_positions": "position_embeddings",
    "emb_layer_norm": "LayerNorm",
    "layernorm_embedding": "LayerNorm",
}
PARTS = {
    "self_attn.q_proj": "attention.self.query",
    "self_attn.k_proj": "attention.self.key",
    "self_attn.v_proj": "attention.self.value",
    "self_attn.out_proj": "attention.output.dense",
    "self_attn_layer_norm": "attention.output.LayerNorm",
    "fc1": "intermediate.dense",
    "fc2": "output.dense",
    "final_layer_norm": "output.LayerNorm",
}
TOKEN_TYPES = "roberta.embeddings.token_type_embeddings.weight"


class FairseqTensors:
    """The tensors of a fairseq checkpoint under XLM-R's names.

    Args:
        file: The file.
        state: The model in it.

    Attributes:
        left_out: The names of what is neither encoder nor head.
    """

    def __init__(self, file: TorchFile, state: Mapping[str, StoredTensor]) -> None:
        self.path = file.path
        self._file = file
        #: By our name: the tensor, and which third of its rows.
        self._sources: dict[str, tuple[StoredTensor, int | None]] = {}
        self.left_out: list[str] = []
        for name, tensor in state.items():
            found = dict(renamed(name))
            if not found and not name.endswith(".version"):  # a buffer that says nothing
                self.left_out.append(name)
            self._sources |= {ours: (tensor, third) for ours, third in found.items()}
        self.names = frozenset(self._sources) | {TOKEN_TYPES}

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a tensor.

        Raises:
            UserError: There is none of this name.
        """
        if name not in self._sources:
            raise UserError(
                f"{self.path} has no {name}, as XLM-R's is called here",
                "Give a model.pt that fairseq's RoBERTa model was saved into.",
            )
        tensor, third = self._sources[name]
        rows = tensor.shape[0] if third is None else tensor.shape[0] // 3
        return (rows, *tensor.shape[1:])

    def read(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """Read one tensor as float32; UserError when its shape is another."""
        if name == TOKEN_TYPES:  # fairseq's XLM-R has none, which is one that adds nothing
            return np.zeros(shape, np.float32)
        tensor, third = self._sources[name]
        values = self._file.read(tensor)
        if third is not None:
            rows = len(values) // 3
            values = values[third * rows : (third + 1) * rows]
        return as_float32(np.array(values), shape, self.path, name)


def renamed(name: str) -> Iterator[tuple[str, int | None]]:
    """XLM-R's names for what lies in a tensor of fairseq's, each with its third of the rows.

    Yields:
        Nothing for what belongs to neither encoder nor head; a name without a place in XLM-R for
        what the encoder computes with and XLM-R does not.
    """
    if match := LM_HEAD.fullmatch(name):
        head = match[1]
        yield ("lm_head.decoder.weight" if head == "lm_head.weight" else head), None
        return
    if not (match := ENCODER.fullmatch(name)) or name.endswith(".version"):
        return
    inner = match[1]
    part, _, kind = inner.rpartition(".")
    if part in EMBEDDINGS:
        yield f"roberta.embeddings.{EMBEDDINGS[part]}.{kind}", None
    elif layer := LAYER.fullmatch(inner):
        place = f"roberta.encoder.layer.{layer[1]}"
        yield f"{place}.{PARTS.get(layer[2], layer[2])}.{layer[3]}", None
    elif joined := re.fullmatch(r"layers\.(\d+)\.self_attn\.in_proj_(weight|bias)", inner):
        for third, projection in enumerate(("query", "key", "value")):
            place = f"roberta.encoder.layer.{joined[1]}.attention.self"
            yield f"{place}.{projection}.{joined[2]}", third
    else:
        yield f"roberta.{inner}", None


def is_fairseq_folder(folder: Path) -> bool:
    """Tell whether a folder holds a checkpoint of fairseq's and none of another kind."""
    return (folder / MODEL_FILE).is_file() and not (folder / CONFIG_FILE).exists()


def is_fairseq_file(path: Path) -> bool:
    """Tell whether a file is named like a checkpoint of fairseq's."""
    return path.suffix == ".pt"


def read_fairseq(path: Path, source: str) -> Checkpoint:
    """Open a checkpoint of fairseq's; dictionary and sentencepiece model lie next to it.

    Args:
        path: The file, such as ``model.pt``.
        source: What the user called it.

    Raises:
        UserError: A file is missing or damaged, the model is of another kind, or the dictionary
            is in another order than the sentencepiece model.
    """
    file = TorchFile(path)
    content = file.content if isinstance(file.content, dict) else {}
    state = content.get("model")
    if not isinstance(state, dict) or not all(isinstance(x, StoredTensor) for x in state.values()):
        raise UserError(
            f"{path} holds no model of fairseq's",
            "Give a model.pt or checkpoint_*.pt that fairseq wrote, with dict.txt next to it.",
        )
    tensors = FairseqTensors(file, state)
    config = fairseq_config(tensors, arguments_of(content))
    check_config(config, path)
    tokenizer = InfoXLMTokenizer.from_pretrained(path.parent)
    check_dictionary(path.parent, tokenizer)
    return Checkpoint(
        source, PYTORCH, config, tensors, tokenizer, left_out=tuple(sorted(tensors.left_out))
    )


def arguments_of(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """The arguments that a model was built from, be they old or new fairseq's."""
    for found in (content.get("args"), settings_of(content.get("cfg")).get("model")):
        if settings := settings_of(found):
            return settings
    return {}


def settings_of(found: Any) -> Mapping[str, Any]:
    """The settings in a dictionary, a Namespace or a configuration of OmegaConf's."""
    state = found.state if isinstance(found, Inert) else found
    if not isinstance(state, dict):
        return {}
    content = state.get("_content")
    if not isinstance(content, dict):
        return state
    return {
        key: x.state["_val"]
        if isinstance(x, Inert) and isinstance(x.state, dict) and "_val" in x.state
        else x
        for key, x in content.items()
    }


def fairseq_config(tensors: FairseqTensors, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The config.json of a model, from the shapes of its tensors and its arguments."""
    words = tensors.shape("roberta.embeddings.word_embeddings.weight")
    inner = tensors.shape("roberta.encoder.layer.0.intermediate.dense.weight")
    layers = {
        int(match[1])
        for name in tensors.names
        if (match := re.match(r"roberta\.encoder\.layer\.(\d+)\.", name))
    }
    heads = arguments.get("encoder_attention_heads")
    if type(heads) is not int:
        heads = max(1, words[1] // 64)
        logger.warning(
            "%s does not say how many heads it has: %d taken, of 64 numbers each",
            tensors.path, heads,
        )  # fmt: skip
    return {
        "model_type": MODEL_TYPE,
        "vocab_size": words[0],
        "hidden_size": words[1],
        "num_hidden_layers": len(layers),
        "num_attention_heads": heads,
        "intermediate_size": inner[0],
        "hidden_act": arguments.get("activation_fn", "gelu"),
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "initializer_range": 0.02,
        "layer_norm_eps": 1e-5,
        "max_position_embeddings": tensors.shape("roberta.embeddings.position_embeddings.weight")[
            0
        ],
        "type_vocab_size": 1,
        "bos_token_id": BOS_ID,
        "pad_token_id": PAD_ID,
        "eos_token_id": EOS_ID,
        "position_embedding_type": "absolute",
    }
