"""Encoded examples, and the batch of an optimizer step that is drawn from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np

from infoxlm.errors import UserError
from infoxlm.tokenization.token_ids import TokenIds


@dataclass(frozen=True, eq=False)
class Batch:
    """The examples of one optimizer step, after all random draws.

    Attributes:
        token_ids: Sequences, those of the batch among them.
        index: The numbers of those in the batch, int64 ``[n]``.
        targets: The training targets, such as labels, by name, each ``[n, ...]``.
        weights: Its weight in the mean of the loss, float64 ``[n]``: 1, or its masked tokens.
        token_arrays: The names of the arrays that hold token ids, which are numbered otherwise
            where a model is trained on a part of its vocabulary.
    """

    token_arrays: ClassVar[tuple[str, ...]] = ("input_ids",)

    token_ids: TokenIds
    index: np.ndarray
    targets: Mapping[str, np.ndarray]
    weights: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each example, int64 ``[n]``."""
        return self.token_ids.lengths_of(self.index)

    def arrays(self, positions: np.ndarray) -> dict[str, np.ndarray]:
        """A micro-batch: ``input_ids`` int64 ``[k, seq]``, padded, and the targets ``[k, ...]``.

        Args:
            positions: The positions of the examples in the batch, int64 ``[k]``.
        """
        targets = {name: values[positions] for name, values in self.targets.items()}
        return {"input_ids": self.token_ids.padded(self.index[positions]), **targets}


@dataclass(frozen=True, eq=False)
class Examples:
    """Encoded examples, of one language or of several.

    A task whose examples are drawn again in each step (masks, augmentation) overrides `batch`.

    Attributes:
        token_ids: ``n`` sequences.
        targets: The training targets, such as labels, by name, each ``[n, ...]``.
        rows: Row numbers in the file, 0 being the first data row, int64 ``[n]``.
        language: The language's code; empty where there are several.
        file: The file, for messages.
        parts: The examples of each file that these were joined from; empty where they are of one.
    """

    token_ids: TokenIds
    targets: Mapping[str, np.ndarray]
    rows: np.ndarray
    language: str = ""
    file: str = ""
    parts: Sequence["Examples"] = field(default=(), repr=False)

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """Join the examples of several languages, in their order."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            TokenIds.concatenate([part.token_ids for part in parts]),
            {name: np.concatenate([x.targets[name] for x in parts]) for name in parts[0].targets},
            np.concatenate([part.rows for part in parts]),
            parts=tuple(parts),
        )

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def languages(self) -> np.ndarray:
        """The language of each example, str ``[n]``."""
        parts = self.parts or (self,)
        return np.repeat([part.language for part in parts], [len(part) for part in parts])

    def batch(self, rows: np.ndarray, seed: Sequence[int]) -> Batch:
        """The batch of an optimizer step.

        Args:
            rows: The numbers of the examples, int64 ``[n]``.
            seed: The seed of random draws, next to the row: of the run and of the step.
        """
        targets = {name: values[rows] for name, values in self.targets.items()}
        return Batch(self.token_ids, rows, targets, np.ones(len(rows)))

    def ids_in_use(self) -> np.ndarray | None:
        """The token ids that batches may hold, repeated or not; None: any of the vocabulary."""
        return self.token_ids.ids

    def origin(self, number: int) -> dict[str, str | int]:
        """The place that an example was read from: ``language``, ``file``, and ``row`` there.

        Of a row that makes several examples, also which of them it is: ``sequence``.
        """
        for part in self.parts or (self,):
            if number < len(part):
                row = int(part.rows[number])
                found: dict[str, str | int] = {
                    "language": part.language,
                    "file": part.file,
                    "row": row,
                }
                first, end = np.searchsorted(part.rows, [row, row + 1]).tolist()
                return found if end - first == 1 else {**found, "sequence": number - first}
            number -= len(part)
        raise IndexError(number)

    def find(self, language: str, row: int, sequence: int = 0) -> int:
        """The number of an example, by its language and its row in the file.

        Args:
            language: The language's code.
            row: The row.
            sequence: Which of the examples that the row makes.

        Raises:
            UserError: It is not among these.
        """
        start = 0
        for part in self.parts or (self,):
            place = int(np.searchsorted(part.rows, row)) + sequence
            if part.language == language and place < len(part) and part.rows[place] == row:
                return start + place
            start += len(part)
        raise UserError(
            f"row {row} of language {language} is not among the training examples",
            "Give the data that the run was trained on.",
        )
