"""oneDNN's bfloat16 product next to MKL's in float32, at the sizes of the encoder's matrices.

    python products.py

Writes products.md and products.json next to this file: GFLOP/s, medians of twelve. Rows are tokens
of a micro-batch; forward is ``x @ w``, then the gradients of x and of w.
"""

import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from infoxlm.hardware.environment import load_paddle, prepare_environment
from infoxlm.reporting.sections import markdown_table

HERE = Path(__file__).parent
SIZES = {"base": (768, 3072), "e5_small": (384, 1536)}
TOKENS = (768, 3072)
TIMES = 12


def seconds(compute: Callable[[], object]) -> float:
    """The median time of a call."""
    found = []
    for number in range(TIMES + 2):  # the first two warm up
        started = time.perf_counter()
        compute()
        if number >= 2:
            found.append(time.perf_counter() - started)
    return statistics.median(found)


def main() -> None:
    prepare_environment()
    load_paddle()
    import paddle

    from infoxlm.model.cpu.bf16.half import narrow
    from infoxlm.model.cpu.bf16.onednn import multiply

    record = []
    for name, (hidden, inner) in SIZES.items():
        for tokens in TOKENS:
            for width, height in ((hidden, hidden), (hidden, inner), (inner, hidden)):
                x, w = paddle.randn([tokens, width]), paddle.randn([width, height])
                y = paddle.randn([tokens, height])
                kinds: dict[str, tuple] = {
                    "forward": (x, w, False, False),
                    "gradient of x": (y, w, False, True),
                    "gradient of w": (x, y, True, False),
                }
                for kind, (left, right, flip_left, flip_right) in kinds.items():
                    out = paddle.matmul(left, right, flip_left, flip_right)
                    narrowed = narrow(left), narrow(right)
                    operations = 2 * tokens * width * height / 1e9
                    fp32 = seconds(partial(paddle.matmul, left, right, flip_left, flip_right))
                    flips = {"transpose_left": flip_left, "transpose_right": flip_right}
                    bf16 = seconds(partial(multiply, *narrowed, out, **flips))
                    record.append({
                        "shape": name, "tokens": tokens, "matrix": [width, height], "product": kind,
                        "bf16": operations / bf16, "fp32": operations / fp32,
                    })  # fmt: skip
    (HERE / "products.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    rows = [
        [
            x["shape"], f"{x['tokens']:,}", "{} x {}".format(*x["matrix"]), x["product"],
            f"{x['bf16']:.0f}", f"{x['fp32']:.0f}", f"{x['bf16'] / x['fp32']:.2f}",
        ]
        for x in record
    ]  # fmt: skip
    table = markdown_table(["", "tokens", "matrix", "product", "bf16", "fp32", "ratio"], rows)
    (HERE / "products.md").write_text(table + "\n", encoding="utf-8")
    print(table)


if __name__ == "__main__":
    main()
