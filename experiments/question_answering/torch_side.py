"""Fine-tuning and scoring in PyTorch and transformers, at settings that suit this processor.

As transformers' run_qa computes, but for three things. Windows are sorted by length within a step
and cut into micro-batches, which spares padding and leaves the gradient as it is. AdamW is the
fused one. And the softmax is over the tokens of a window without its padding, as in the package, so
that losses can be compared.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from transformers import XLMRobertaForQuestionAnswering

PAD_ID = 1


@dataclass(frozen=True)
class Settings:
    """What does not change what is learned.

    Attributes:
        batch: Windows of a micro-batch.
        batch_tokens: Or its tokens, padding included; None: `batch` counts.
        score_batch: Windows of a batch in scoring.
        attention: One of transformers' forms of attention.
        compile: Whether training uses `torch.compile`.
        score_compile: Whether scoring does.
    """

    batch: int = 8
    batch_tokens: int | None = None
    score_batch: int = 16
    attention: str = "sdpa"
    compile: bool = False
    score_compile: bool = False


class PyTorchSide:
    """A model of transformers with its optimizer.

    Args:
        folder: The model, in transformers' format.
        learning_rate: The rate at its peak.
        settings: How it is computed.
        dropout: Another dropout than the model's.
    """

    def __init__(
        self, folder: Path, learning_rate: float, settings: Settings, dropout: float | None = None
    ) -> None:
        self.settings = settings
        own = {}
        if dropout is not None:
            own = {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
        self.model = XLMRobertaForQuestionAnswering.from_pretrained(
            folder, attn_implementation=settings.attention, **own
        )
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=learning_rate, weight_decay=0.0, eps=1e-8, fused=True
        )
        compiled = torch.compile(self.model, dynamic=True)  # computed when it is first called
        self._trained = compiled if settings.compile else self.model
        self._scored = compiled if settings.score_compile else self.model

    def backward(
        self, token_ids: list[np.ndarray], targets: Mapping[str, np.ndarray], rows: np.ndarray
    ) -> float:
        """Add the gradient of a step to the parameters', and return its mean loss."""
        self.model.train()
        lengths = np.array([len(token_ids[row]) for row in rows])
        total = 0.0
        for part in self._micro_batches(lengths):
            chosen = rows[part]
            input_ids, mask = padded([token_ids[row] for row in chosen])
            output = self._trained(input_ids=input_ids, attention_mask=mask)
            losses = [
                torch.nn.functional.cross_entropy(
                    # transformers' own loss has the padding in its softmax.
                    logits.masked_fill(mask == 0, torch.finfo(logits.dtype).min),
                    torch.from_numpy(targets[name][chosen]),
                    reduction="sum",
                )
                for name, logits in (("start", output.start_logits), ("end", output.end_logits))
            ]
            loss = (losses[0] + losses[1]) / (2 * len(rows))
            loss.backward()
            total += loss.item()
        return total

    def optimizer_step(self) -> None:
        """Move the weights by the gradient, clipped at norm 1."""
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()

    @torch.inference_mode()
    def outputs(self, token_ids: list[np.ndarray]) -> list[np.ndarray]:
        """The logits of starts and ends of each window, ``[tokens, 2]``."""
        self.model.eval()
        lengths = np.array(list(map(len, token_ids)))
        order = np.argsort(-lengths, kind="stable")
        found: list[np.ndarray] = [np.empty(0)] * len(order)
        for start in range(0, len(order), self.settings.score_batch):
            rows = order[start : start + self.settings.score_batch]
            input_ids, mask = padded([token_ids[row] for row in rows])
            output = self._scored(input_ids=input_ids, attention_mask=mask)
            logits = torch.stack([output.start_logits, output.end_logits], dim=-1).numpy()
            for row, of_row in zip(rows, logits, strict=True):
                found[row] = of_row[: lengths[row]]
        return found

    def _micro_batches(self, lengths: np.ndarray) -> Iterator[np.ndarray]:
        """Places of sequences, the longest first, cut into micro-batches."""
        order = np.argsort(-lengths, kind="stable")
        start = 0
        while start < len(order):
            size = self.settings.batch
            if self.settings.batch_tokens:
                size = max(1, self.settings.batch_tokens // int(lengths[order[start]]))
            yield order[start : start + size]
            start += size


def padded(sequences: list[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and attention mask of a batch, as wide as its longest sequence."""
    input_ids = torch.full((len(sequences), max(map(len, sequences))), PAD_ID, dtype=torch.long)
    for row, ids in enumerate(sequences):
        input_ids[row, : len(ids)] = torch.from_numpy(ids)
    return input_ids, (input_ids != PAD_ID).long()


def sequences(ids: np.ndarray, offsets: np.ndarray) -> list[np.ndarray]:
    """Token ids that lie one behind the other, as a list."""
    return [ids[start:end] for start, end in pairwise(offsets)]
