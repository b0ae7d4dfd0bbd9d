"""XNLI as others publish it: facebook/xnli on the Hugging Face hub, else PaddleNLP's mirror.

HF_HUB_OFFLINE, HF_ENDPOINT, HF_HOME and PPNLP_HOME are honoured by the libraries that download.
"""

import contextlib
import hashlib
import io
import logging
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from infoxlm.data.example import Example
from infoxlm.data.file_forms import open_files
from infoxlm.data.file_source import FileSource
from infoxlm.data.text_file import TextFile
from infoxlm.data.xnli import FORMS, LABELS, LANGUAGES, xnli_forms
from infoxlm.errors import UserError

if TYPE_CHECKING:
    from datasets import Dataset

logger = logging.getLogger(__name__)

HUB_DATASET = "facebook/xnli"

#: The hub's names of the splits.
_HUB_SPLITS = {"train": "train", "dev": "validation", "test": "test"}


class DownloadError(UserError):
    """Neither the network nor a cache gave the data; `problem` says what was tried."""

    def __init__(self, tried: str) -> None:
        super().__init__(
            f"XNLI could not be downloaded: {tried}", f"Give data.root=FOLDER: {FORMS}."
        )
        self.tried = tried

    @classmethod
    def because(cls, what: str, error: Exception) -> "DownloadError":
        """Make one line of a library's error, which may have many."""
        reason = " ".join(str(error).split())
        return cls(f"{what} ({type(error).__name__}: {reason[:200]})")


def open_hub_copy() -> "HubXnli | MirroredXnli":
    """Open the hub's copy or, if the hub cannot be reached and no cache holds it, the mirror's.

    Raises:
        UserError: Neither can be had, or the `datasets` package is missing.
    """
    try:
        return HubXnli()
    except DownloadError as hub:
        logger.warning("%s; trying PaddleNLP's mirror", hub.problem)
        try:
            return MirroredXnli()
        except DownloadError as mirror:
            raise DownloadError(f"tried {hub.tried} and {mirror.tried}") from mirror


class HubXnli:
    """Reads facebook/xnli: one configuration a language, kept as Arrow files in the hub's cache.

    Raises:
        UserError: The `datasets` package is missing.
        DownloadError: The hub cannot be reached and its cache does not hold the data set.
    """

    name = f"{HUB_DATASET} on the Hugging Face hub"

    def __init__(self) -> None:
        # Not `datasets.load_dataset`: importing paddlenlp.datasets replaces that by a function
        # that looks for a loading script, which datasets 4 and later refuse.
        try:
            from datasets.load import load_dataset_builder
        except ImportError as error:
            raise UserError(
                f"downloading {HUB_DATASET} needs the datasets package ({error})",
                f"Run pip install datasets, or give data.root=FOLDER: {FORMS}.",
            ) from error
        self._datasets: dict[tuple[str, str], Dataset] = {}
        try:
            load_dataset_builder(HUB_DATASET, "en")
        except Exception as error:  # requests, httpx, the hub and datasets raise their own
            raise DownloadError.because(self.name, error) from error

    def languages(self, split: str) -> tuple[str, ...]:
        """Return all fifteen languages: training data is machine-translated there."""
        return LANGUAGES

    def read(self, split: str, language: str, limit: int | None = None) -> Iterator[Example]:
        """Stream the labelled pairs of the first `limit` rows, or of all.

        Raises:
            DownloadError: The language is not in the cache and cannot be downloaded.
        """
        dataset = self._dataset(split, language)
        # The hub numbers its labels and says what each number means.
        labels = LABELS.with_numbers(dataset.features["label"].names)
        pairs = (
            pair
            for batch in dataset.iter(batch_size=1000)
            for pair in zip(batch["premise"], batch["hypothesis"], batch["label"], strict=True)
        )
        for row, (premise, hypothesis, number) in enumerate(islice(pairs, limit)):
            label = labels.index(number, f"{self.name}, {language} {split} row {row}")
            if label is not None:
                yield Example(premise, hypothesis, label, row)

    def fingerprint(self, split: str, language: str) -> str:
        """Return a digest of the Arrow files behind a split and language."""
        digests = [TextFile(file).sha256() for file in self.files(split, language)]
        return hashlib.sha256(f"{HUB_DATASET} {language} {digests}".encode()).hexdigest()

    def files(self, split: str, language: str) -> tuple[Path, ...]:
        """Return the Arrow files behind a split and language."""
        return tuple(Path(file["filename"]) for file in self._dataset(split, language).cache_files)

    def _dataset(self, split: str, language: str) -> "Dataset":
        from datasets.load import load_dataset

        if (split, language) not in self._datasets:
            try:
                self._datasets[split, language] = load_dataset(
                    HUB_DATASET, language, split=_HUB_SPLITS[split]
                )
            except Exception as error:
                raise DownloadError.because(f"{self.name}, {language}", error) from error
        return self._datasets[split, language]


class MirroredXnli:
    """Reads the official zips from PaddleNLP's mirror, downloaded to PaddleNLP's own folder.

    XNLI-MT-1.0.zip (466 MB) is fetched only when training data is asked for.

    Raises:
        DownloadError: The evaluation data can neither be downloaded nor found there.
    """

    name = "PaddleNLP's mirror of XNLI"

    def __init__(self) -> None:
        self._sources: dict[str, FileSource] = {}
        self._source("dev")

    def languages(self, split: str) -> tuple[str, ...]:
        """Return all fifteen languages: XNLI-MT holds translated training data."""
        return LANGUAGES

    def read(self, split: str, language: str, limit: int | None = None) -> Iterator[Example]:
        """Stream the labelled pairs of the first `limit` rows, or of all.

        Raises:
            DownloadError: The zip can neither be downloaded nor found.
        """
        return self._source(split).read(split, language, limit)

    def fingerprint(self, split: str, language: str) -> str:
        """Return a digest of the bytes behind a split and language."""
        return self._source(split).fingerprint(split, language)

    def files(self, split: str, language: str) -> tuple[Path, ...]:
        """Return the zip behind a split and language."""
        return self._source(split).files(split, language)

    def _source(self, split: str) -> FileSource:
        archive = "XNLI-MT-1.0" if split == "train" else "XNLI-1.0"
        if archive not in self._sources:
            self._sources[archive] = open_files(_mirrored_zip(split), xnli_forms())
        return self._sources[archive]


def _mirrored_zip(split: str) -> Path:
    """Return the zip that PaddleNLP names for a split, downloaded and checked if need be."""
    try:
        from huggingface_hub.constants import HF_HUB_OFFLINE

        # paddlenlp remarks on stderr that `datasets` was imported first.
        with contextlib.redirect_stderr(io.StringIO()):
            from paddle.utils.download import get_path_from_url
            from paddlenlp.datasets.xnli import XNLI
            from paddlenlp.utils.env import DATA_HOME

        meta = XNLI.SPLITS[split]
        folder = Path(DATA_HOME, "XNLI")
        if HF_HUB_OFFLINE and not (folder / Path(meta.url).name).is_file():
            raise FileNotFoundError(f"not in {folder}, and HF_HUB_OFFLINE is set")
        return Path(get_path_from_url(meta.url, str(folder), meta.zipfile_md5, decompress=False))
    except Exception as error:
        raise DownloadError.because(MirroredXnli.name, error) from error
