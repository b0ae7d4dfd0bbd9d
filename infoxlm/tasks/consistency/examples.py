"""Examples with changed copies, which every step draws again."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from infoxlm.data.examples import Batch, Examples
from infoxlm.tasks.consistency.changes import Change
from infoxlm.tokenization.token_ids import TokenIds, distinct_ids, offsets_from

#: Names of a batch's arrays: the share that model consistency has in each example's loss, the
#: sequences for the teacher, and the noise on word embeddings.
HELD, TEACHER_IDS, NOISE = "held", "teacher_ids", "noise"

#: What a generator is for, next to step and row: the example itself, its copy, their noise.
_EXAMPLE, _COPY, _NOISE = range(3)


@dataclass(frozen=True, eq=False)
class CopiedBatch(Batch):
    """The examples of one optimizer step, with a changed copy of each.

    Attributes:
        copies: The copies, ``n`` sequences; None: there are none.
        changed: Which of the examples are changed themselves, bool ``[n]``.
        noise: Standard deviation of the noise on the embeddings of what is changed.
        width: The size of a word embedding.
        seeds: The seed of each example's draws, int64 ``[n, ...]``.
        taught: Whether a teacher's predictions are learned too.
    """

    copies: TokenIds | None
    changed: np.ndarray
    noise: float
    width: int
    seeds: np.ndarray
    taught: bool

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each example and its copy, which are computed together, int64 ``[n]``."""
        own = super().lengths
        return own if self.copies is None else own + self.copies.lengths

    def arrays(self, positions: np.ndarray) -> dict[str, np.ndarray]:
        """A micro-batch: the examples' rows, and behind them those of their copies.

        ``held`` alone has a row for each example; ``teacher_ids`` has those that are changed.
        """
        own = self.token_ids.take(self.index[positions])
        copies = [] if self.copies is None else self.copies.take(positions)
        sequences = token_ids_of(own + copies)
        names = range(len(sequences))
        targets = {name: values[positions] for name, values in self.targets.items()}
        if copies:
            targets = {name: np.concatenate([x, x]) for name, x in targets.items()}
        held = np.zeros(len(positions), np.float32)
        arrays = {"input_ids": sequences.padded(names), **targets, HELD: held}
        if self.noise:
            arrays[NOISE] = self._drawn_noise(positions, sequences)
        changed = np.flatnonzero(self.changed[positions])
        if self.taught and len(changed):
            # The mean over those of the batch that are changed, in a mean over all of it.
            held[changed] = self.weights.sum() / self.weights[self.changed].sum()
            arrays[TEACHER_IDS] = arrays["input_ids"][changed]
        return arrays

    def _drawn_noise(self, positions: np.ndarray, sequences: TokenIds) -> np.ndarray:
        """Noise for each token, float32 ``[rows, seq, width]``: 0 where nothing is changed."""
        noise = np.zeros((len(sequences), sequences.lengths.max(), self.width), np.float32)
        changed = self.changed[positions]
        for row, length in enumerate(sequences.lengths.tolist()):
            example, kind = row % len(positions), _EXAMPLE if row < len(positions) else _COPY
            if kind == _COPY or changed[example]:
                random = np.random.default_rng([*self.seeds[positions[example]], kind, _NOISE])
                drawn = random.standard_normal((length, self.width), np.float32)
                np.multiply(drawn, np.float32(self.noise), out=noise[row, :length])
        return noise


@dataclass(frozen=True, eq=False)
class CopiedExamples(Examples):
    """Examples of which every batch holds changed copies.

    Attributes:
        base: The examples as the task made them.
        change: The change.
        copies: Whether each example of a batch comes with a copy to be consistent with.
        augmented: Whether an epoch holds a changed copy of each example next to the example: the
            copy of number `i` has the number `len(base) + i`.
        width: The size of a word embedding.
    """

    base: Examples = field(kw_only=True)
    change: Change = field(kw_only=True)
    copies: bool = field(kw_only=True)
    augmented: bool = field(kw_only=True)
    width: int = field(kw_only=True)

    @classmethod
    def of(
        cls, base: Examples, change: Change, *, copies: bool, augmented: bool, width: int
    ) -> "CopiedExamples":
        """Add changed copies to examples."""
        return cls(
            base.token_ids,
            base.targets,
            base.rows,
            base.language,
            base.file,
            base.parts,
            base=base,
            change=change,
            copies=copies,
            augmented=augmented,
            width=width,
        )

    def __len__(self) -> int:
        return len(self.base) * (2 if self.augmented else 1)

    def batch(self, rows: np.ndarray, seed: Sequence[int]) -> Batch:
        """Draw the copies of a step; what is drawn for a row does not depend on the others."""
        drawn = self.base.batch(rows % len(self.base), seed)
        seeds = np.column_stack([np.tile(np.asarray(seed, np.int64), (len(rows), 1)), rows])
        changed = rows >= len(self.base)
        sequences = drawn.token_ids.take(drawn.index)
        own, copies = zip(*map(self._drawn, rows.tolist(), sequences, seeds.tolist()), strict=True)
        return CopiedBatch(
            token_ids_of(own),
            np.arange(len(rows)),
            drawn.targets,
            drawn.weights,
            copies=token_ids_of(copies) if self.copies else None,
            changed=changed,
            noise=self.change.noise,
            width=self.width,
            seeds=seeds,
            taught=self.augmented,
        )

    def _drawn(
        self, row: int, ids: np.ndarray, seed: Sequence[int]
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """The sequence of a row, and its copy where there are copies.

        Args:
            row: Its number.
            ids: The example's token ids.
            seed: The seed of its draws.
        """
        number = row % len(self.base)

        def random(kind: int) -> np.random.Generator:
            return np.random.default_rng([*seed, kind])

        if row < len(self.base):
            return ids, self.change.copy(number, ids, random(_COPY)) if self.copies else None
        changed = self.change.copy(number, ids, random(_EXAMPLE))
        if not self.copies:
            return changed, None
        return changed, self.change.another(number, ids, changed, random(_COPY))

    def ids_in_use(self) -> np.ndarray | None:
        """The ids of the examples and of all copies that there may be."""
        return self._ids_in_use

    @cached_property
    def _ids_in_use(self) -> np.ndarray | None:
        own = self.base.ids_in_use()
        if own is None:
            return None
        return distinct_ids([own, self.change.ids_in_copies(self.base.token_ids)])

    def origin(self, number: int) -> dict[str, str | int]:
        """The place that an example was read from; a copy is the second sequence of its row."""
        copied, number = divmod(number, len(self.base))
        found = self.base.origin(number)
        if self.augmented:
            found["sequence"] = 2 * int(found.get("sequence", 0)) + copied
        return found

    def find(self, language: str, row: int, sequence: int = 0) -> int:
        """The number of an example, by its language, row and sequence."""
        if not self.augmented:
            return self.base.find(language, row, sequence)
        sequence, copied = divmod(sequence, 2)
        return self.base.find(language, row, sequence) + copied * len(self.base)


def token_ids_of(sequences: Sequence[np.ndarray]) -> TokenIds:
    """Sequences in one flat array; there must be one."""
    lengths = np.array([len(sequence) for sequence in sequences])
    return TokenIds(np.concatenate(sequences), offsets_from(lengths))
