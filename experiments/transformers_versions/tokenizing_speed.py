"""Pairs a second and seconds to open, with added tokens and without: run it on an idle machine.

python tokenizing_speed.py FOLDER --xnli_root XNLI [--repeats 5]

FOLDER holds a tokenizer without added tokens, with sentencepiece.bpe.model.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from theirs import LANGUAGES, MAX_LENGTH, read_pairs

from infoxlm import InfoXLMTokenizer
from infoxlm.tokenization.added_tokens import AddedToken
from infoxlm.tokenization.tokenizer_files import MODEL_FILE, TokenizerFiles, read_tokenizer_files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--xnli_root", type=Path, required=True)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    pairs = [pair for language in LANGUAGES for pair in read_pairs(options.xnli_root, language)]
    premises, hypotheses = zip(*pairs, strict=True)
    files = read_tokenizer_files(options.folder)
    size = InfoXLMTokenizer(files).vocab_size
    plain = AddedToken(size, "[USER]", normalized=False)
    normalized = AddedToken(size, "[USER]")
    with tempfile.TemporaryDirectory() as folder:
        InfoXLMTokenizer(files).save_pretrained(folder, fast=True)
        (Path(folder) / MODEL_FILE).unlink()
        for name, source in (
            ("no added tokens", options.folder),
            ("no added tokens, tokenizer.json alone", Path(folder)),
            ("one added token", TokenizerFiles(files.source, files.model, (plain,))),
            ("one, in normalised text", TokenizerFiles(files.source, files.model, (normalized,))),
        ):
            measure(name, source, list(premises), list(hypotheses), options.repeats)


def measure(
    name: str,
    source: Path | TokenizerFiles,
    premises: list[str],
    hypotheses: list[str],
    repeats: int,
) -> None:
    """Print the medians of opening and encoding."""

    def opened() -> InfoXLMTokenizer:
        if isinstance(source, TokenizerFiles):
            return InfoXLMTokenizer(source)
        return InfoXLMTokenizer.from_pretrained(source)

    tokenizer = opened()
    opening = seconds(opened, repeats)
    encoding = seconds(
        lambda: tokenizer.encode(premises, hypotheses, max_length=MAX_LENGTH), repeats
    )
    print(f"{name}: opened in {opening:.2f} s, {len(premises) / encoding:,.0f} pairs/s")


def seconds(act: Callable[[], object], repeats: int) -> float:
    """The median time of an act."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        act()
        times.append(time.perf_counter() - start)
    return median(times)


if __name__ == "__main__":
    main()
