"""Logit parity of an exported model and its checkpoint, on texts in many languages."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from infoxlm.data.batches import micro_batches
from infoxlm.deploy.predictor import run_batches
from infoxlm.deploy.runtimes import Runtime
from infoxlm.tasks.inference import Inference
from infoxlm.tokenization.token_ids import TokenIds
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

#: The largest difference of any logit that float32 arithmetic in another order may make.
TOLERANCE = 1e-4

#: Inputs of the task's sample a language, and most tokens of a batch: several shapes of input.
ROWS = 8
BATCH_TOKENS = 512

#: Of so many sequences one is run alone, which a runtime may do in another way.
ALONE = 4


@dataclass(frozen=True)
class LogitParity:
    """An exported model next to its checkpoint.

    Attributes:
        runtime: What ran the exported model.
        pairs: How many inputs were compared.
        largest: The largest absolute difference of any logit.
        mean: The mean absolute difference.
        same_label: The share of sequences whose largest logit is the same, or, where every token
            has logits, whose tokens with the largest of each column are the same.
    """

    runtime: str
    pairs: int
    largest: float
    mean: float
    same_label: float

    @classmethod
    def of(
        cls, runtime: str, expected: Sequence[np.ndarray], found: Sequence[np.ndarray]
    ) -> "LogitParity":
        """Compare the outputs of the same sequences."""
        ours, theirs = np.vstack(expected).astype(np.float64), np.vstack(found)
        difference = np.abs(ours - theirs)
        return cls(
            runtime=runtime,
            pairs=len(expected),
            largest=float(difference.max()),
            mean=float(difference.mean()),
            same_label=float(np.mean([*map(same_choice, expected, found)])),
        )


def same_choice(one: np.ndarray, other: np.ndarray) -> bool:
    """Tell whether two outputs of a sequence, `[labels]` or `[tokens, labels]`, decide alike."""
    return bool((one.argmax(axis=0) == other.argmax(axis=0)).all())


def sample_tokens(
    inference: Inference, split: str, rows: int, tokenizer: InfoXLMTokenizer, max_length: int
) -> TokenIds:
    """The task's sample in every language, and one input that fills the model's length.

    Args:
        inference: The task's.
        split: `dev` or `test`.
        rows: Inputs a language.
        tokenizer: The model's.
        max_length: Most tokens of a sequence.
    """
    sample = inference.sample_rows(split, rows)
    longest = tuple(" ".join(texts) for texts in zip(*sample, strict=True))
    return inference.encode(tokenizer, [*sample, longest], max_length).token_ids


def outputs_of(runtime: Runtime, token_ids: TokenIds) -> list[np.ndarray]:
    """Run a model on sequences in batches of several sizes and lengths, and on some alone."""
    numbers = np.arange(len(token_ids))
    alone, others = numbers[::ALONE, None], numbers[numbers % ALONE > 0]
    batches = micro_batches(token_ids.lengths[others], BATCH_TOKENS)
    return run_batches(runtime, token_ids, [*alone, *(others[part] for part in batches)])
