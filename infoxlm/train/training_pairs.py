"""What is trained on, and where each pair came from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from infoxlm.data.token_cache import EncodedExamples
from infoxlm.errors import UserError
from infoxlm.tokenization.token_ids import TokenIds


@dataclass(frozen=True)
class TrainingPairs:
    """What is trained on.

    Attributes:
        token_ids: The encoded pairs.
        labels: Label ids as the model counts them, int64 ``[n]``.
    """

    token_ids: TokenIds
    labels: np.ndarray


class PairOrigins:
    """Language, file and row of each training pair.

    Args:
        examples: The training pairs of each language, in the order they are trained on.
        files: The file of each language.
    """

    def __init__(self, examples: Sequence[EncodedExamples], files: Mapping[str, str]) -> None:
        self._languages = [part.language for part in examples]
        self._rows = [part.rows for part in examples]
        self._starts = np.cumsum([0, *(len(rows) for rows in self._rows)])
        self._files = files

    def of(self, pair: int) -> dict[str, str | int]:
        """Where a pair is: ``language``, ``file``, and ``row``, 0 being the first data row."""
        part = int(np.searchsorted(self._starts, pair, side="right")) - 1
        language = self._languages[part]
        row = int(self._rows[part][pair - self._starts[part]])
        return {"language": language, "file": self._files[language], "row": row}

    def find(self, language: str, row: int) -> int:
        """The number of a pair among the training pairs.

        Raises:
            UserError: It is not one of them.
        """
        for name, rows, start in zip(self._languages, self._rows, self._starts, strict=False):
            place = int(np.searchsorted(rows, row))
            if name == language and place < len(rows) and rows[place] == row:
                return int(start) + place
        raise UserError(
            f"row {row} of language {language} is not among the training pairs",
            "Give the data that the run was trained on.",
        )
