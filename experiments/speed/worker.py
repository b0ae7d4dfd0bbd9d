"""Loop of both sides' workers: read an order from stdin, do it, write the result to stdout."""

import json
import resource
import sys
import time
from collections.abc import Callable
from typing import Any


def serve(orders: dict[str, Callable[[], dict[str, Any]]]) -> None:
    """Answer orders until stdin ends; every answer has its seconds and the peak memory so far."""
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        started = time.perf_counter()
        answer = orders[line.strip()]()
        answer.setdefault("seconds", time.perf_counter() - started)
        answer["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(answer), flush=True)
