r"""Peak memory of a corpus of so many sentences: while it is prepared, and while steps are drawn.

python experiments/pretraining/memory.py --sentences 1000000 10000000 --out memory.json

Half of the sentences are English text, half are the sides of translation pairs; their words are
made up. Each phase is a process of its own, without Paddle. What is measured is the peak of its
resident memory, mapped pages included.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

#: Tokens of a block, examples of a stream in a step, and steps.
MAX_LENGTH, BATCH, STEPS = 128, 2048, 20

#: The words of a made-up language, and those of a sentence.
WORDS, LONGEST = 5_000, 20


def write_corpus(folder: Path, sentences: int) -> None:
    """Write `text/en.txt` and `pairs/en-de.tsv`, together of so many sentences."""
    rng = np.random.default_rng(0)
    letters = np.array(list("aeiounrstlkmd"))
    words = ["".join(rng.choice(letters, rng.integers(2, 8))) for _ in range(WORDS)]
    for name, lines, width in (
        ("text/en.txt", sentences // 2, 1),
        ("pairs/en-de.tsv", sentences // 4, 2),
    ):
        file = folder / name
        file.parent.mkdir(parents=True)
        with open(file, "w", encoding="utf-8") as out:
            out.write("en\tde\n" if width == 2 else "")
            for _ in range(lines):
                texts = []
                for _ in range(width):
                    chosen = rng.integers(0, WORDS, rng.integers(4, LONGEST))
                    texts.append(" ".join(words[number] for number in chosen.tolist()))
                out.write("\t".join(texts) + "\n")


def peak_mb() -> float:
    """The peak of this process' resident memory."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def phase(name: str, folder: Path) -> dict[str, Any]:
    """Prepare a corpus, or open what was prepared and draw some steps of all three losses."""
    from infoxlm.data.sampler import LanguageSampler
    from infoxlm.data.small_vocabulary import small_vocabulary
    from infoxlm.tasks.pretraining.corpus import open_corpus
    from infoxlm.tasks.pretraining.corpus_files import find_monolingual, find_parallel
    from infoxlm.tasks.pretraining.examples import ContrastExamples, MaskedExamples
    from infoxlm.tasks.pretraining.masking import Masking, whole_vocabulary
    from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

    cache = folder / "cache"
    tokenizer = InfoXLMTokenizer(small_vocabulary(4000, cache), threads=1)
    before, started = peak_mb(), time.monotonic()
    corpus = open_corpus(
        find_monolingual([folder / "text"]), find_parallel([folder / "pairs"]), cache, tokenizer
    )
    blocks, pairs = corpus.blocks(MAX_LENGTH), corpus.pairs(MAX_LENGTH)
    if name == "steps":
        mask_id = tokenizer.mask_id
        masking = Masking(mask_id, whole_vocabulary(tokenizer.vocab_size, mask_id))
        streams = (
            MaskedExamples.of(blocks, masking),
            MaskedExamples.of(pairs, masking),
            ContrastExamples.of(pairs, masking),
        )
        for number, examples in enumerate(streams):
            sampler = LanguageSampler(examples.sizes, 0.7, BATCH, seed=number)
            for step in range(STEPS):
                examples.batch(sampler.rows(step), (1, step, number))
    seconds = time.monotonic() - started
    return {"before_mb": round(before), "peak_mb": round(peak_mb()), "seconds": round(seconds, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sentences", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--out", type=Path, help="a JSON file for the figures")
    parser.add_argument("--phase", choices=["prepare", "steps"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.phase:
        print(json.dumps(phase(given.phase, given.folder)))
        return
    rows = []
    for sentences in given.sentences:
        with tempfile.TemporaryDirectory() as name:
            write_corpus(Path(name), sentences)
            for each in ("prepare", "steps"):
                command = [sys.executable, __file__, "--phase", each, "--folder", name]
                done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
                rows.append({"sentences": sentences, "phase": each, **json.loads(done.stdout)})
                print(rows[-1], flush=True)
    if given.out:
        given.out.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
