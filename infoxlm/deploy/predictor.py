"""Pairs of texts in, labels with their probabilities out."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Self

import numpy as np

from infoxlm.data.batches import micro_batches
from infoxlm.deploy.model_folder import ModelFolder
from infoxlm.deploy.runtimes import Runtime, load_runtime
from infoxlm.hardware.environment import available_cores
from infoxlm.tokenization.token_ids import TokenIds
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

#: A premise and a hypothesis.
Pair = tuple[str, str]

#: Pairs that are held in memory, and sorted by length, at a time.
WINDOW = 4096

#: Most tokens of a batch, padding included.
BATCH_TOKENS = 4096


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model says of one pair, or zero-shot classification of one text.

    Attributes:
        label: The most probable label.
        probabilities: The probability of each label.
        truncated: Whether the text was longer than the model's input, so that its end was cut.
    """

    label: str
    probabilities: dict[str, float]
    truncated: bool = False


@dataclass(frozen=True, eq=False)
class EncodedPairs:
    """Tokenized pairs.

    Attributes:
        token_ids: `n` rows.
        truncated: Which of them lost tokens, bool `[n]`.
    """

    token_ids: TokenIds
    truncated: np.ndarray


class Predictor:
    """Classifies pairs of texts with an exported model or a checkpoint.

    One object serves one thread; `clone` gives another thread one that shares the weights.

    Args:
        runtime: What computes the logits.
        tokenizer: What the model was trained with.
        labels: The words for the columns of the logits.
        max_length: Most tokens of a pair; longer ones are cut.
        batch_tokens: Most tokens of a batch, padding included.
    """

    def __init__(
        self,
        runtime: Runtime,
        tokenizer: InfoXLMTokenizer,
        labels: Sequence[str],
        max_length: int,
        batch_tokens: int = BATCH_TOKENS,
    ) -> None:
        self.runtime = runtime
        self.tokenizer = tokenizer
        self.labels = tuple(labels)
        self.max_length = max_length
        self.batch_tokens = batch_tokens

    @classmethod
    def load(
        cls,
        folder: str | Path,
        *,
        runtime: str | None = None,
        max_length: int | None = None,
        batch_tokens: int = BATCH_TOKENS,
        device: str = "cpu",
        threads: int | None = None,
        cache_dir: Path | None = None,
    ) -> Self:
        """Load an exported folder, or whatever `model.checkpoint` may be.

        Args:
            folder: The folder. Labels and tokenizer come from it.
            runtime: `paddle` or `onnx`; None: Paddle's model, unless only ONNX is there.
            max_length: Most tokens of a pair; None: what the model was fine-tuned with.
            batch_tokens: Most tokens of a batch, padding included.
            device: `cpu`, `gpu` or `gpu:N`.
            threads: Threads to compute with; None: OMP_NUM_THREADS, or every available core.
            cache_dir: Where converted checkpoints are kept; None: the configurations' default.

        Raises:
            UserError: The folder cannot be used, and why.
        """
        model = ModelFolder.open(folder, cache_dir)
        length = model.usable_length(max_length)
        tokenizer = model.tokenizer(threads or available_cores())
        loaded = load_runtime(model, runtime, device=device, threads=threads)
        return cls(loaded, tokenizer, model.labels, length, batch_tokens)

    def clone(self) -> Self:
        """Return a predictor for another thread, on the same weights."""
        return type(self)(
            self.runtime.clone(), self.tokenizer, self.labels, self.max_length, self.batch_tokens
        )

    def predict(self, pairs: Iterable[Pair]) -> list[Prediction]:
        """Classify pairs, in their order.

        Args:
            pairs: Any number of (premise, hypothesis).
        """
        return list(self.stream(pairs))

    def stream(self, pairs: Iterable[Pair]) -> Iterator[Prediction]:
        """Classify pairs one window after the other, so that memory does not grow with them."""
        rest = iter(pairs)
        while window := list(islice(rest, WINDOW)):
            yield from self.classify(window)

    def classify(
        self, pairs: Sequence[Pair], advance: Callable[[int], object] = lambda pairs: None
    ) -> list[Prediction]:
        """Classify pairs at once.

        Args:
            pairs: All of them are held in memory.
            advance: Told the number of pairs after each batch, as a progress bar is.
        """
        encoded = self.encode(pairs)
        return self.predictions(self.logits(encoded.token_ids, advance), encoded.truncated)

    def encode(self, pairs: Sequence[Pair]) -> EncodedPairs:
        """Tokenize pairs.

        Raises:
            TypeError: One of them is not two strings.
        """
        for pair in pairs:
            if isinstance(pair, str) or [type(text) for text in pair] != [str, str]:
                raise TypeError(f"a pair is (premise, hypothesis), two strings, not {pair!r}")
        premises, hypotheses = [first for first, _ in pairs], [second for _, second in pairs]
        token_ids = self.tokenizer.encode(premises, hypotheses, max_length=self.max_length)
        truncated = np.zeros(len(pairs), dtype=bool)
        # Only rows that fill the input may have been longer.
        full = np.flatnonzero(token_ids.lengths == self.max_length)
        if len(full):
            lengths = self.tokenizer.full_lengths(
                [premises[row] for row in full], [hypotheses[row] for row in full]
            )
            truncated[full] = lengths > self.max_length
        return EncodedPairs(token_ids, truncated)

    def logits(
        self, token_ids: TokenIds, advance: Callable[[int], object] = lambda pairs: None
    ) -> np.ndarray:
        """Score tokenized pairs in batches of similar length.

        Args:
            token_ids: `n` rows.
            advance: Told the number of pairs after each batch.

        Returns:
            float32 `[n, labels]`, in the order of the rows.
        """
        logits = np.empty((len(token_ids), len(self.labels)), np.float32)
        for rows in micro_batches(token_ids.lengths, self.batch_tokens):
            logits[rows] = self.runtime.run(token_ids.padded(rows))
            advance(len(rows))
        return logits

    def predictions(self, logits: np.ndarray, truncated: np.ndarray) -> list[Prediction]:
        """Turn logits into labels and probabilities.

        Args:
            logits: `[n, labels]`.
            truncated: bool `[n]`.
        """
        return [
            Prediction(self.labels[best], dict(zip(self.labels, row, strict=True)), cut)
            for best, row, cut in zip(
                logits.argmax(axis=1).tolist(),
                softmax(logits).tolist(),
                truncated.tolist(),
                strict=True,
            )
        ]


def softmax(logits: np.ndarray) -> np.ndarray:
    """Softmax over the last axis, computed in float64."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    powers = np.exp(shifted)
    return powers / powers.sum(axis=-1, keepdims=True)
