"""How far an exported model's logits are from the checkpoint's, on pairs in fifteen languages."""

from dataclasses import dataclass

import numpy as np

from infoxlm.constants import LANGUAGES
from infoxlm.data.batches import micro_batches
from infoxlm.data.source import EMBEDDED, open_source
from infoxlm.deploy.runtimes import Runtime
from infoxlm.tokenization.token_ids import TokenIds
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

#: The largest difference of any logit that float32 arithmetic in another order may make.
TOLERANCE = 1e-4

#: Rows of the sample's test data a language, and most tokens of a batch: several shapes of input.
ROWS = 8
BATCH_TOKENS = 512

#: Of so many pairs one is scored alone, which a runtime may do in another way.
ALONE = 4


@dataclass(frozen=True)
class Agreement:
    """An exported model beside its checkpoint.

    Attributes:
        runtime: What ran the exported model.
        pairs: How many pairs were compared.
        largest: The largest absolute difference of any logit.
        mean: The mean absolute difference.
        same_label: The share of pairs with the same label.
    """

    runtime: str
    pairs: int
    largest: float
    mean: float
    same_label: float

    @classmethod
    def of(cls, runtime: str, expected: np.ndarray, found: np.ndarray) -> "Agreement":
        """Compare logits `[pairs, labels]`."""
        difference = np.abs(expected.astype(np.float64) - found)
        return cls(
            runtime=runtime,
            pairs=len(expected),
            largest=float(difference.max()),
            mean=float(difference.mean()),
            same_label=float((expected.argmax(axis=1) == found.argmax(axis=1)).mean()),
        )


def sample_pairs(split: str, rows: int, tokenizer: InfoXLMTokenizer, max_length: int) -> TokenIds:
    """The first rows of the embedded sample in every language, and one pair that fills the input.

    Args:
        split: `dev` or `test`.
        rows: Rows a language.
        tokenizer: The model's.
        max_length: Most tokens of a pair.
    """
    source = open_source(EMBEDDED)
    examples = [each for x in LANGUAGES for each in source.read(split, x, rows)]
    premises = [example.premise for example in examples]
    hypotheses = [example.hypothesis for example in examples]
    longest = (" ".join(premises), " ".join(hypotheses))
    return tokenizer.encode(
        [*premises, longest[0]], [*hypotheses, longest[1]], max_length=max_length
    )


def logits_of(runtime: Runtime, pairs: TokenIds) -> np.ndarray:
    """Score pairs in batches of several sizes and lengths, and some alone.

    Returns:
        float32 `[pairs, labels]`.
    """
    numbers = np.arange(len(pairs))
    alone, others = numbers[::ALONE, None], numbers[numbers % ALONE > 0]
    batches = [
        *alone,
        *(others[part] for part in micro_batches(pairs.lengths[others], BATCH_TOKENS)),
    ]
    scored = np.concatenate([runtime.run(pairs.padded(rows)) for rows in batches])
    return scored[np.argsort(np.concatenate(batches))]
