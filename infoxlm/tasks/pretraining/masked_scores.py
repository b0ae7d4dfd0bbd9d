"""Perplexity of held-out text, and the share of masked tokens that a model finds."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import paddle
from numpy.typing import NDArray

from infoxlm.constants import NO_LABEL
from infoxlm.data.batches import micro_batches
from infoxlm.evaluate.evaluator import Evaluator
from infoxlm.evaluate.predictions import ANSWER, GOLD, Predictions
from infoxlm.model import InfoXLMForMaskedLM
from infoxlm.model.losses import cross_entropy
from infoxlm.model.precision import Precision
from infoxlm.tasks.pretraining.examples import MaskedExamples
from infoxlm.tokenization.token_ids import ranges
from infoxlm.tracking.progress import progress

#: The names of the figures.
PERPLEXITY, MASKED_ACCURACY = "perplexity", "masked_accuracy"

#: The seed of the masks of held-out text: the same in every run, so that runs can be compared
#: that have the same text, vocabulary and limit.
_SEED = (0, 0, 0)


class MaskedTokens(NamedTuple):
    """The masked tokens of held-out text, one after the other.

    Attributes:
        languages: The language of each, or its pair of languages, str ``[n]``.
        rows: The row of the file that it is from, int64 ``[n]``.
        wanted: The token, int64 ``[n]``.
        predicted: The token that the model holds for the most probable, int64 ``[n]``.
        losses: Its cross-entropy, float32 ``[n]``.
    """

    languages: NDArray[np.str_]
    rows: NDArray[np.int64]
    wanted: NDArray[np.int64]
    predicted: NDArray[np.int64]
    losses: NDArray[np.float32]

    def figures(self) -> Mapping[str, Mapping[str, float]]:
        """Perplexity, and the share of tokens found, by language."""
        indices = self.predictions().by_language()
        right = self.wanted == self.predicted
        return {
            PERPLEXITY: {
                # A hopeless model's would be no number that JSON holds.
                language: float(np.exp(min(700.0, self.losses[index].mean(dtype=np.float64))))
                for language, index in indices.items()
            },
            MASKED_ACCURACY: {
                language: float(right[index].mean()) for language, index in indices.items()
            },
        }

    def predictions(self) -> Predictions:
        """Each masked token, worth 1 where it was found."""
        right = (self.wanted == self.predicted).astype(np.float64)
        columns = {GOLD: self.wanted.tolist(), ANSWER: self.predicted.tolist()}
        return Predictions(self.languages, self.rows, {MASKED_ACCURACY: right}, columns)


def score_masked(
    model: InfoXLMForMaskedLM, examples: Sequence[MaskedExamples], evaluator: Evaluator
) -> MaskedTokens:
    """Let a model predict the masked tokens of held-out text.

    Where training is restricted to the vocabulary of the corpus, the predictions are as well.

    Args:
        model: Put into evaluation mode, and left there.
        examples: Held-out blocks, and held-out pairs, at least one example.
        evaluator: The hardware and the ranks.
    """
    model.eval()
    parts = [_score(model, part, evaluator) for part in examples if len(part)]
    evaluator.ranks.stop_together()
    return MaskedTokens(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _score(
    model: InfoXLMForMaskedLM, examples: MaskedExamples, evaluator: Evaluator
) -> MaskedTokens:
    """The masked tokens of some examples, in their order."""
    numbers = np.arange(len(examples))
    batch = examples.batch(numbers, _SEED)
    counts = batch.weights.astype(np.int64)
    starts = np.cumsum(counts) - counts
    # As float32, in which ranks exchange: it holds every id of a vocabulary exactly.
    results = np.zeros((3, counts.sum()), np.float32)
    columns = examples.vocabulary
    chosen = None if columns is None else paddle.to_tensor(columns)
    hardware, ranks = evaluator.hardware, evaluator.ranks
    precision = Precision(hardware.amp)
    share = ranks.shares(batch.lengths)[ranks.rank]
    bar = progress(label="masked tokens", total=len(share), unit=" examples")
    with bar, paddle.no_grad(), precision.constant_weights():
        # As many as in training: the logits are over the whole vocabulary.
        for micro_batch in micro_batches(batch.lengths[share], hardware.micro_batch_tokens):
            if ranks.is_cut:
                break
            positions = share[micro_batch]
            arrays = batch.arrays(positions)
            ids, labels = (paddle.to_tensor(arrays[x]) for x in ("input_ids", "labels"))
            with precision.autocast():
                logits = model.masked_logits(ids, labels, chosen)
            wanted = arrays["labels"][arrays["labels"] != NO_LABEL]
            places = wanted if columns is None else np.searchsorted(columns, wanted)
            losses = cross_entropy(logits, paddle.to_tensor(places)).numpy()
            found = logits.argmax(axis=-1).numpy()
            found = found if columns is None else columns[found]
            results[:, ranges(starts[positions], counts[positions])] = wanted, found, losses
            bar.update(len(positions))
    wanted, found, losses = ranks.sum(results)
    rows = np.array([examples.origin(number)["row"] for number in numbers.tolist()], np.int64)
    return MaskedTokens(
        np.repeat(examples.languages, counts),
        np.repeat(rows, counts),
        wanted.astype(np.int64),
        found.astype(np.int64),
        losses,
    )
