"""The time that batches sorted by length save: the same sentences one at a time, in turns.

    python one_at_a_time.py --model weights/e5_small --tatoeba $TATOEBA_ROOT --threads 2

Both with the same threads and flags, in one process, on the first sentences of every language and
of its English side; what the table of all sentences would take follows from their number of tokens.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from infoxlm.hardware.environment import load_paddle, prepare_environment
from infoxlm.retrieval.published import TATOEBA
from infoxlm.retrieval.tatoeba import read_pairs
from infoxlm.tokenization.token_ids import TokenIds
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--tatoeba", required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--sentences", type=int, default=50, help="of each of the 28 files")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--max_tokens", type=int, default=512)
    parser.add_argument("--prefix", default="query: ")
    arguments = parser.parse_args()
    prepare_environment(arguments.threads)
    load_paddle()
    from infoxlm.model import InfoXLMModel
    from infoxlm.retrieval.sentence_embeddings import sentence_embeddings

    tokenizer = InfoXLMTokenizer.from_pretrained(arguments.model, threads=arguments.threads)
    model = InfoXLMModel.from_pretrained(arguments.model)
    sides = []
    for language in TATOEBA:
        pairs = read_pairs(arguments.tatoeba, language)
        for sentences in (pairs.sentences, pairs.english):
            texts = [arguments.prefix + sentence for sentence in sentences]
            sides.append(tokenizer.encode(texts, max_length=512))
    tokens = sum(int(side.lengths.sum()) for side in sides)
    sample = TokenIds.concatenate([first_of(side, arguments.sentences) for side in sides])
    share = int(sample.lengths.sum()) / tokens
    # max_tokens=1: each sentence alone, without padding.
    ways = {"batches": arguments.max_tokens, "one at a time": 1}
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(arguments.rounds):
        for way, max_tokens in ways.items():
            started = time.perf_counter()
            sentence_embeddings(model, sample, max_tokens=max_tokens)
            seconds[way].append(time.perf_counter() - started)
    print(
        f"{len(sample):,} sentences, {100 * share:.1f} % of all tokens, {arguments.threads} threads"
    )
    for way, times in seconds.items():
        median = float(np.median(times))
        print(
            f"{way}: {median:.1f} s ({', '.join(f'{x:.1f}' for x in times)}), "
            f"{len(sample) / median:.0f} sentences/s; the whole table {median / share:.0f} s"
        )


def first_of(sentences: TokenIds, count: int) -> TokenIds:
    """The first sentences of a file."""
    count = min(count, len(sentences))
    return TokenIds(sentences.ids[: sentences.offsets[count]], sentences.offsets[: count + 1])


if __name__ == "__main__":
    main()
