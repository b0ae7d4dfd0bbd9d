"""Memory and time of finding 100,000 vectors among 100,000, block by block.

    python blocks.py                          # cosine, 384 numbers a vector
    python blocks.py --similarity margin --count 20000

All cosines at once would be 40 GB. The second side is the first with noise, so that the accuracy
is known to be 1; the lines are shuffled, so that it is not the order that is found.
"""

import argparse
import resource
import time

import numpy as np

from infoxlm.retrieval.search import nearest_by_cosine, nearest_by_margin


def peak_mb() -> float:
    """The process's largest resident memory so far; Linux counts it in kilobytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--hidden", type=int, default=384)
    parser.add_argument("--similarity", choices=("cosine", "margin"), default="cosine")
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    first = rng.standard_normal((arguments.count, arguments.hidden), dtype=np.float32)
    order = rng.permutation(arguments.count)
    second = first[order]
    for row in second:  # one by one, so that the peak before comparing is that of the vectors
        row += 0.5 * rng.standard_normal(arguments.hidden, dtype=np.float32)
    before = peak_mb()
    started = time.perf_counter()
    if arguments.similarity == "margin":
        there, back = nearest_by_margin(first, second, neighbours=4)
    else:
        there, back = nearest_by_cosine(first, second)
    seconds = time.perf_counter() - started
    found = 100 * (there[order] == np.arange(arguments.count)).mean(), 100 * (back == order).mean()
    print(
        f"{arguments.similarity}, {arguments.count:,} x {arguments.count:,}, vectors of "
        f"{arguments.hidden}: {seconds:.0f} s; found {found[0]:.2f} % and {found[1]:.2f} %\n"
        f"peak memory {before:,.0f} MB with the vectors, {peak_mb():,.0f} MB after comparing; "
        f"all cosines at once would be {4 * arguments.count**2 / 1e6:,.0f} MB"
    )


if __name__ == "__main__":
    main()
