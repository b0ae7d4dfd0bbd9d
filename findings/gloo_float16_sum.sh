#!/usr/bin/env bash
# Gloo's sum of float16 over two processes is infinite; no error, no warning.
#
# paddlepaddle 3.3.1, CPU, paddle.distributed with two processes (Gloo). all_reduce of [1, 2] in both
# gives [inf, inf] in float16, [2, 4] in bfloat16 and in float32. Expected: [2, 4] in each, or an error.
# So gradients that are exchanged in half precision on CPUs have to be bfloat16 or float32.
#
# Seen on 27 November 2026:
#     float16 [inf, inf]
#     bfloat16 [2.0, 4.0]
#     float32 [2.0, 4.0]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check paddlepaddle==3.3.1
cd "$folder"
export OMP_NUM_THREADS=1
cat > sums.py <<'PYTHON'
import json

import paddle
import paddle.distributed as dist

dist.init_parallel_env()
sums = {}
for kind in ("float16", "bfloat16", "float32"):
    tensor = paddle.to_tensor([1.0, 2.0]).astype(kind)
    dist.all_reduce(tensor)
    sums[kind] = tensor.astype("float32").numpy().tolist()
if dist.get_rank() == 0:
    with open("sums.json", "w") as file:
        json.dump(sums, file)
PYTHON
"$folder/venv/bin/python" -m paddle.distributed.launch --nproc_per_node 2 --log_dir log sums.py > launch.log 2>&1
"$folder/venv/bin/python" - <<'PYTHON'
import json

sums = json.load(open("sums.json"))
for kind, values in sums.items():
    print(kind, values)
inf = float("inf")
assert sums == {"float16": [inf, inf], "bfloat16": [2.0, 4.0], "float32": [2.0, 4.0]}
PYTHON
