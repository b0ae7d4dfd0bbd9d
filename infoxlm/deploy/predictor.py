"""Texts in, answers out."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from infoxlm.data.batches import micro_batches
from infoxlm.deploy.chunks import chunks
from infoxlm.deploy.model_folder import ModelFolder
from infoxlm.deploy.runtimes import Runtime, load_runtime
from infoxlm.hardware.environment import available_cores
from infoxlm.schema import Amp
from infoxlm.tasks.classification.prediction import Prediction
from infoxlm.tasks.inference import Encoded, Inference, Row
from infoxlm.tokenization.token_ids import TokenIds
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

__all__ = ["Prediction", "Predictor"]

#: Sequences that are in memory, and sorted by length, at a time.
CHUNK = 4096

#: Most tokens of a batch, padding included.
BATCH_TOKENS = 4096


class Predictor:
    """Answers with an exported model or a checkpoint.

    One object serves one thread; `clone` gives another thread one that shares the weights.

    Args:
        runtime: What computes the model's outputs.
        tokenizer: What the model was trained with.
        inference: What goes in, and what the outputs mean: the task's.
        max_length: Most tokens of a sequence; longer ones are cut.
        batch_tokens: Most tokens of a batch, padding included.
    """

    def __init__(
        self,
        runtime: Runtime,
        tokenizer: InfoXLMTokenizer,
        inference: Inference,
        max_length: int,
        batch_tokens: int = BATCH_TOKENS,
    ) -> None:
        self.runtime = runtime
        self.tokenizer = tokenizer
        self.inference = inference
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
        amp: Amp = Amp.none,
        cache_dir: Path | None = None,
    ) -> Self:
        """Load an exported folder, or whatever `model.checkpoint` may be.

        Args:
            folder: The folder. Task, labels and tokenizer come from it.
            runtime: `paddle` or `onnx`; None: Paddle's model, unless only ONNX is there.
            max_length: Most tokens of a sequence; None: what the model was fine-tuned with.
            batch_tokens: Most tokens of a batch, padding included.
            device: `cpu`, `gpu` or `gpu:N`.
            threads: Threads to compute with; None: OMP_NUM_THREADS, or every available core.
            amp: The precision of products.
            cache_dir: Where converted checkpoints are kept; None: the configurations' default.

        Raises:
            UserError: The folder cannot be used, and why.
        """
        return cls.of(
            ModelFolder.open(folder, cache_dir), runtime=runtime, max_length=max_length,
            batch_tokens=batch_tokens, device=device, threads=threads, amp=amp,
        )  # fmt: skip

    @classmethod
    def of(
        cls,
        model: ModelFolder,
        *,
        runtime: str | None,
        max_length: int | None,
        batch_tokens: int,
        device: str,
        threads: int | None,
        amp: Amp = Amp.none,
    ) -> Self:
        """Load the model of a folder that was opened; see `load`."""
        length = model.usable_length(max_length)
        tokenizer = model.tokenizer(threads or available_cores())
        loaded = load_runtime(model, runtime, device=device, threads=threads, amp=amp)
        return cls(loaded, tokenizer, model.inference, length, batch_tokens)

    def clone(self) -> Self:
        """Return a predictor for another thread, on the same weights."""
        return type(self)(
            self.runtime.clone(), self.tokenizer, self.inference, self.max_length,
            self.batch_tokens,
        )  # fmt: skip

    def answering(self, inference: Inference) -> Self:
        """Return a predictor that asks the same model something else."""
        return type(self)(
            self.runtime, self.tokenizer, inference, self.max_length, self.batch_tokens
        )

    def predict(self, rows: Iterable[Row]) -> list[Any]:
        """Answer inputs, in their order.

        Args:
            rows: Any number of inputs; of a classifier of pairs, (premise, hypothesis).

        Returns:
            The task's answers; of a classifier, a `Prediction` each.
        """
        return list(self.stream(rows))

    def stream(self, rows: Iterable[Row]) -> Iterator[Any]:
        """Answer inputs one chunk after the other, so that memory does not grow with them."""
        # What is no string is refused where it is encoded.
        for chunk in chunks(rows, self.chunk, lambda row: [x for x in row if isinstance(x, str)]):
            yield from self.answer(chunk)

    @property
    def chunk(self) -> int:
        """Most inputs that are in memory at a time; of long texts there are fewer."""
        return max(1, CHUNK // self.inference.sequences_an_input)

    def answer(
        self, rows: Sequence[Row], advance: Callable[[int], object] = lambda inputs: None
    ) -> list[Any]:
        """Answer inputs at once.

        Args:
            rows: All of them are in memory.
            advance: Called with a number of inputs after each batch, as a progress bar is.
        """
        encoded = self.encode(rows)
        sequences, done = len(encoded.token_ids), 0

        def count(scored: int) -> None:
            nonlocal done
            before, done = done, done + scored
            advance(done * len(rows) // sequences - before * len(rows) // sequences)

        return self.inference.decode(self.outputs(encoded.token_ids, count), encoded)

    def encode(self, rows: Sequence[Row]) -> Encoded:
        """Tokenize inputs.

        Raises:
            TypeError: One of them is not as many strings as the task has fields.
        """
        self.inference.check_rows(rows)
        return self.inference.encode(self.tokenizer, rows, self.max_length)

    def outputs(
        self, token_ids: TokenIds, advance: Callable[[int], object] = lambda sequences: None
    ) -> list[np.ndarray]:
        """Run the model on sequences in batches of similar length.

        Args:
            token_ids: `n` sequences.
            advance: Called with the number of sequences after each batch.

        Returns:
            Of each sequence, in their order, `[outputs]`, or `[tokens, outputs]` where the model
            answers for every token.
        """
        return run_batches(
            self.runtime, token_ids, micro_batches(token_ids.lengths, self.batch_tokens), advance
        )


def run_batches(
    runtime: Runtime,
    token_ids: TokenIds,
    batches: Iterable[np.ndarray],
    advance: Callable[[int], object] = lambda sequences: None,
) -> list[np.ndarray]:
    """Run a model on batches of sequences, and give each sequence its own output."""
    found: list[np.ndarray] = [np.empty(0, np.float32)] * len(token_ids)
    for rows in batches:
        outputs = runtime.run(token_ids.padded(rows))
        for row, output in zip(rows, outputs, strict=True):
            found[row] = without_padding(output, token_ids.lengths[row])
        advance(len(rows))
    return found


def without_padding(output: np.ndarray, length: int) -> np.ndarray:
    """Cut the padding off the output of one sequence of a batch."""
    return output if output.ndim == 1 else output[:length]
