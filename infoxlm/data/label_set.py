"""The labels of a data set: its words, what stands for them in files, and rows without one."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from infoxlm.data.example import shown
from infoxlm.errors import UserError

#: MultiNLI and XNLI write the dash where the annotators did not agree; `datasets` and the files
#: that it exports have the number.
NO_GOLD_LABEL = ("-", "-1")

#: A number of a label; pandas writes 2.0 when a column has gaps.
_NUMBER = re.compile(r"([0-9]{1,9})(\.0)?")


@dataclass(frozen=True)
class LabelSet:
    """The labels that the pairs of a data set have.

    Attributes:
        words: The labels, in the order of their indices.
        aliases: Other spellings, and the words that they stand for.
        numbers: The words of 0, 1, ... in files that have numbers; without them numbers are
            refused, because projects differ in what they mean: in XNLI 0 is entailment on the hub
            and contradiction in XTREME.
        any_case: Capital letters do not matter: who types `true` gets `True` from Hydra.
    """

    words: tuple[str, ...]
    aliases: Mapping[str, str] = field(default_factory=dict)
    numbers: tuple[str, ...] = ()
    any_case: bool = False

    def index(self, label: str | int, where: str) -> int | None:
        """Return the index of a label as a file has it; None for a row without a gold label.

        Args:
            label: The word or the number.
            where: File and line, for the message.

        Raises:
            UserError: It is neither one of the words nor one of the numbers.
        """
        word = str(label).strip()
        found = self.find(word)
        if found is None and word not in NO_GOLD_LABEL:
            found = self._numbered(word, f"{where}: label {shown(word)} is refused")
        return found

    def find(self, word: str) -> int | None:
        """Return the index of a word or of another spelling of one; None: it is unknown."""
        word = self.aliases.get(word, word)
        words = self.words
        if self.any_case:
            word, words = word.lower(), tuple(x.lower() for x in words)
        return words.index(word) if word in words else None

    def with_numbers(self, names: Sequence[str]) -> "LabelSet":
        """Return these labels where a file itself says what its numbers mean."""
        return replace(self, numbers=tuple(names))

    def configured(self, names: Sequence[str] | None) -> "LabelSet":
        """Return these labels with what `data.labels` says of numbers, if it says anything.

        Raises:
            UserError: The names are not these labels, each once.
        """
        if names is None:
            return self
        if sorted(names) != sorted(self.words):
            *others, last = map(str, range(len(self.words)))
            raise UserError(
                f"data.labels=[{','.join(names)}]",
                f"Name what {', '.join(others)} and {last} mean, in their order, such as "
                f"[{','.join(self.words)}].",
            )
        return self.with_numbers(names)

    def names(self, words: Sequence[object]) -> bool:
        """Tell whether all of some words are labels; capital letters do not matter."""
        return all(isinstance(word, str) and self._any_case(word) is not None for word in words)

    def _numbered(self, word: str, problem: str) -> int:
        """Return the index of a label that is a number.

        Raises:
            UserError: It is none, or there is no label of this number.
        """
        number = _NUMBER.fullmatch(word)
        same = self.find(str(int(number[1]))) if number else None  # 1.0 where 1 is the word
        if same is not None:
            return same
        if number is None or (not self.numbers and any(map(_NUMBER.fullmatch, self.words))):
            raise UserError(f"{problem}, unknown", self._remedy())
        if not self.numbers:
            raise UserError(
                f"{problem}, a number means other labels in other projects",
                "Say what 0, 1, 2 mean here, in their order: "
                f"data.labels=[{','.join(self.words)}], or write the words.",
            )
        if int(number[1]) >= len(self.numbers):
            raise UserError(
                f"{problem}, there is no such number in data.labels=[{','.join(self.numbers)}]",
                "Name the labels of 0, 1, 2 in their order, or mend the file.",
            )
        found = self._any_case(self.numbers[int(number[1])])
        if found is None:
            raise UserError(f"{problem}, unknown", self._remedy())
        return found

    def _any_case(self, word: str) -> int | None:
        found = self.find(word)
        return self.find(word.lower()) if found is None else found

    def _remedy(self) -> str:
        remedy = (
            f"Write {', '.join(self.words[:-1])} or {self.words[-1]} "
            f"({NO_GOLD_LABEL[0]!r} for no gold label)."
        )
        if {"True", "False"} & set(self.words):  # that is all that is left of them
            remedy += " In a YAML, no and yes are False and True unless they are in quotes."
        return remedy


@dataclass(frozen=True)
class PairRules:
    """Rules by which a data set makes examples of the rows of its files.

    Attributes:
        labels: The labels, and what stands for them.
        untranslated: Texts of a side that make the row no pair; it is left out, but counts.
        fingerprint: Part of a cache's key, as other data sets have other rules for the same bytes;
            empty for XNLI's, so that older caches stay.
    """

    labels: LabelSet
    untranslated: tuple[str, ...] = ()
    fingerprint: str = ""
