"""The embedded sample as a corpus: its pairs of texts are the same in fifteen languages."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from infoxlm.data.example import Example
from infoxlm.data.source import EMBEDDED, DataSource, open_source
from infoxlm.files.cache import cached_folder

if TYPE_CHECKING:
    from infoxlm.schema import CorpusConfig

#: The folders of the corpus.
MONO, PARALLEL, EVAL = "mono", "parallel", "eval"

#: Raised when the files become others.
FORMAT_VERSION = 1

_ENGLISH = "en"


def place_sample(data: "CorpusConfig") -> "CorpusConfig":
    """The configuration of a corpus with the sample's files in the place of ``embedded``.

    Raises:
        UserError: The cache cannot be written.
    """
    if EMBEDDED not in (*data.mono, *data.parallel, data.eval_pairs):
        return data
    folder = sample_corpus(Path(data.cache_dir).expanduser())

    def placed(paths: list[str], name: str) -> list[str]:
        return [str(folder / name) if path == EMBEDDED else path for path in paths]

    return replace(
        data,
        mono=placed(data.mono, MONO),
        parallel=placed(data.parallel, PARALLEL),
        eval_pairs=str(folder / EVAL) if data.eval_pairs == EMBEDDED else data.eval_pairs,
    )


def sample_corpus(cache_dir: Path) -> Path:
    """The folder of the sample as a corpus, which is made in the cache where it is missing.

    The test split is learned from, the dev split is for retrieval: both are in all languages. The
    English training pairs, which no other language has, are monolingual text.

    Raises:
        UserError: The cache cannot be written.
    """
    digest = hashlib.sha256(str(FORMAT_VERSION).encode())
    for file in sorted(Path(str(files("infoxlm.data") / "sample")).glob("*/*.tsv")):
        digest.update(file.read_bytes())
    folder = cache_dir / "corpora" / f"sample-{digest.hexdigest()[:16]}"

    def check(found: Path) -> Path:
        if not (found / EVAL).is_dir():
            raise ValueError("a folder is missing")
        return found

    cached_folder(folder, check, lambda: folder, lambda part, _: _write(part))
    return folder


def _write(folder: Path) -> None:
    """Write the files of the corpus into an empty folder."""
    source = open_source(EMBEDDED)
    languages = source.languages("test")
    for name in (MONO, PARALLEL, EVAL):
        (folder / name).mkdir()
    for split, name in (("test", PARALLEL), ("dev", EVAL)):
        texts = {language: _sentences(source, split, language) for language in languages}
        kept = _first_of_each(texts[_ENGLISH])
        for language in languages:
            own = [texts[language][i] for i in kept]
            if split == "test":
                english = _sentences(source, "train", _ENGLISH) if language == _ENGLISH else []
                lines = [*own, *dict.fromkeys(english)]
                (folder / MONO / f"{language}.txt").write_text(_joined(lines), "utf-8")
            if language != _ENGLISH:
                rows = [f"{texts[_ENGLISH][i]}\t{texts[language][i]}" for i in kept]
                path = folder / name / f"{_ENGLISH}-{language}.tsv"
                path.write_text(_joined([f"{_ENGLISH}\t{language}", *rows]), "utf-8")


def _sentences(source: DataSource, split: str, language: str) -> list[str]:
    """The premises and hypotheses of a split, one after the other."""

    def both(pairs: Iterator[Example]) -> Iterator[str]:
        for pair in pairs:
            yield pair.premise
            yield pair.hypothesis

    return list(both(source.read(split, language)))


def _first_of_each(texts: list[str]) -> list[int]:
    """The places of texts that did not come before."""
    return [i for i, text in enumerate(texts) if texts.index(text) == i]


def _joined(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
