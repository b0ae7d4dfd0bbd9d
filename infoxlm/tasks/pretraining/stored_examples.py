"""Examples whose tokens stay on disk until a step draws them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, NamedTuple, Self, TypeVar

import numpy as np

from infoxlm.data.examples import Examples
from infoxlm.tasks.pretraining.masking import Masking
from infoxlm.tasks.pretraining.sequences import Sequences
from infoxlm.tokenization.token_ids import TokenIds, offsets_from

#: No sequences.
NONE = TokenIds(np.zeros(0, np.int32), np.zeros(1, np.int64))

Source = TypeVar("Source", bound=Sequences)


class Drawn(NamedTuple, Generic[Source]):
    """The examples of a batch that are of one language.

    Attributes:
        source: The language's sequences.
        numbers: Their numbers among the language's, int64 ``[k]``.
        positions: Their positions in the batch, int64 ``[k]``.
    """

    source: Source
    numbers: np.ndarray
    positions: np.ndarray


@dataclass(frozen=True, eq=False)
class StoredExamples(Examples, Generic[Source]):
    """Examples whose tokens stay on disk until they are drawn, one language after the other.

    Attributes:
        sources: The sequences of each language.
        masking: How they are masked.
        vocabulary: The ids that may occur, where the vocabulary is restricted to them.
    """

    sources: Sequence[Source] = ()
    masking: Masking | None = None
    vocabulary: np.ndarray | None = field(default=None, repr=False)

    @classmethod
    def of(
        cls,
        sources: Sequence[Source],
        masking: Masking | None,
        vocabulary: np.ndarray | None = None,
        **options: Any,
    ) -> Self:
        """Examples of some sequences.

        Args:
            sources: The sequences of each language.
            masking: How they are masked; None: not at all, where that makes sense.
            vocabulary: The ids that batches may hold; None: any.
            **options: Other attributes of the class.
        """
        rows = np.zeros(0, np.int64)  # no arrays of the corpus' size
        return cls(
            NONE, {}, rows, sources=sources, masking=masking, vocabulary=vocabulary, **options
        )

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """Join the examples of several languages, in their order."""
        sources = [source for part in parts for source in part.sources]
        return replace(parts[0], sources=sources)

    @property
    def sizes(self) -> Mapping[str, int]:
        """The number of examples of each language, in their order."""
        return {source.language: self._count(source) for source in self.sources}

    def __len__(self) -> int:
        return sum(self.sizes.values())

    @property
    def languages(self) -> np.ndarray:
        """The language of each example, str ``[n]``; for evaluation, where they are few."""
        return np.repeat(list(self.sizes), list(self.sizes.values()))

    def ids_in_use(self) -> np.ndarray | None:
        """The token ids that batches may hold; None: any of the vocabulary."""
        return self.vocabulary

    def origin(self, number: int) -> dict[str, str | int]:
        """The place where an example begins: ``language``, ``file``, and ``row`` there.

        Also its number among the language's examples: ``sequence``.
        """
        index, place = self._place(number)
        source = self.sources[index]
        file, row = source.store.origin(source.row(self._sequence(place)))
        source.release()
        return {"language": source.language, "file": file, "row": row, "sequence": place}

    def find(self, language: str, row: int, sequence: int = 0) -> int:
        """The number of an example, by its language and its number among that language's.

        Raises:
            UserError: It is not among these, or begins at another row.
        """
        start = 0
        for code, size in self.sizes.items():
            inside = code == language and 0 <= sequence < size
            if inside and self.origin(start + sequence)["row"] == row:
                return start + sequence
            start += size
        return super().find(language, row, sequence)

    def _count(self, source: Source) -> int:
        """The number of examples of a language."""
        return len(source)

    def _sequence(self, place: int) -> int:
        """The sequence that an example of a language begins with."""
        return place

    def _place(self, number: int) -> tuple[int, int]:
        """Which source an example is of, and its number there."""
        starts = self._starts()
        if not 0 <= number < starts[-1]:
            raise IndexError(number)
        index = int(np.searchsorted(starts, number, side="right")) - 1
        return index, number - int(starts[index])

    def _starts(self) -> np.ndarray:
        """The number of each language's first example, and the number of examples."""
        return offsets_from(np.array(list(self.sizes.values()), np.int64))

    def _drawn(self, rows: np.ndarray) -> Iterator[Drawn[Source]]:
        """Yield the examples of a batch, language by language."""
        starts = self._starts()
        index = np.searchsorted(starts, rows, side="right") - 1
        for number in np.unique(index).tolist():
            positions = np.flatnonzero(index == number)
            yield Drawn(self.sources[number], rows[positions] - starts[number], positions)
