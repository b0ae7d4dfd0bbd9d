"""Pairs in files: which file holds which split in which language."""

import hashlib
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

from infoxlm.data.example import Example
from infoxlm.data.label_set import PairRules
from infoxlm.data.pair_file import Pairs
from infoxlm.errors import UserError

logger = logging.getLogger(__name__)

#: split (train, dev, test) -> language -> file
SplitFiles = Mapping[str, Mapping[str, Pairs]]


class FileSource:
    """Reads the splits and languages that were found in a folder, a zip or a file.

    Args:
        name: The place of the files and what is known to be missing, for messages.
        files: The file of each split and language.
        rules: The data set's rules for the files' rows.
    """

    def __init__(self, name: str, files: SplitFiles, rules: PairRules) -> None:
        self.name = name
        self._files = files
        self._rules = rules
        self._logged_quotes = False

    def languages(self, split: str) -> tuple[str, ...]:
        """Return the languages that hold this split, in the order of their codes."""
        return tuple(sorted(self._files.get(split, {})))

    def read(self, split: str, language: str, limit: int | None = None) -> Iterator[Example]:
        """Stream the labelled pairs of the first `limit` rows, or of all.

        Raises:
            UserError: The split or language is not there, or a line cannot be read.
        """
        return self._file(split, language).examples(self._rules, limit)

    def fingerprint(self, split: str, language: str) -> str:
        """Return a digest of the bytes behind a split and language, and of how they are read."""
        pairs = self._file(split, language)
        if pairs.quoted and not self._logged_quotes:
            self._logged_quotes = True
            logger.info(
                "%s: a csv writer put fields in quotes; they are read without, here and in other "
                "such files", pairs.paths[0]
            )  # fmt: skip
        digest = pairs.fingerprint()
        if self._rules.fingerprint:
            digest = hashlib.sha256(f"{digest} {self._rules.fingerprint}".encode()).hexdigest()
        return digest

    def files(self, split: str, language: str) -> tuple[Path, ...]:
        """Return the files on disk behind a split and language."""
        return self._file(split, language).paths

    def _file(self, split: str, language: str) -> Pairs:
        languages = self.languages(split)
        if not languages:
            raise UserError(
                f"{self.name} has no {split} data, only {', '.join(self._files)}",
                "Give data.train_root=FOLDER_OR_FILE."
                if split == "train"
                else f"Give a data.root that has {split}.",
            )
        if language not in languages:
            key = "data.train_languages" if split == "train" else "data.eval_languages"
            raise UserError(
                f"{self.name} has no {split} data in {language!r}, only {' '.join(languages)}",
                f"Add it or choose from these with {key}=[...].",
            )
        return self._files[split][language]
