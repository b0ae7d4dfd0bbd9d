"""Element-wise work cut into pieces that fit a core's cache, on several threads."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from infoxlm.hardware.environment import usual_threads

#: Elements of a piece: half a megabyte in float32, so that a few arrays fit a core's L2 cache. What
#: is random follows from it too, never from the number of threads.
ELEMENTS = 1 << 17


@cache
def pool() -> ThreadPoolExecutor:
    """As many threads as the matrix products have."""
    return ThreadPoolExecutor(usual_threads(), "infoxlm-pieces")


def in_pieces(work: Callable[[int, slice], None], rows: int, width: int) -> None:
    """Do something to every row.

    NumPy's loops leave other threads free to run. Paddle's operations do not belong into `work`:
    each thread would get OpenMP threads of its own.

    Args:
        work: Is given the number of a piece and its rows, perhaps on several threads at once.
        rows: Number of rows.
        width: Elements of a row.
    """
    step = max(1, ELEMENTS // width)
    pieces = [slice(start, start + step) for start in range(0, rows, step)]
    if len(pieces) == 1:
        work(0, pieces[0])
    else:
        for _ in pool().map(work, range(len(pieces)), pieces):
            pass
