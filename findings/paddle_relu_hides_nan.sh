#!/usr/bin/env bash
# Paddle's relu and argmax make NaN disappear; its other activations keep it.
#
# paddlepaddle 3.3.1, CPU. relu(NaN) is 0 with gradient 0, where gelu, silu, relu6, leaky_relu, tanh and
# PyTorch's relu give NaN; argmax of [1, NaN, 0] is 0, where NumPy and PyTorch give 1, the NaN's place.
# So a network with relu that has gone wrong goes on computing finite numbers, and a check for finite
# losses or gradients does not see it: the check belongs before the activation.
#
# Seen on 27 November 2026:
#     relu(NaN) 0.0, gradient 0.0; the others NaN
#     argmax of [1, NaN, 0] is 0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check paddlepaddle==3.3.1
cd "$folder"
export OMP_NUM_THREADS=1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import math

import paddle
import paddle.nn.functional as F

x = paddle.to_tensor([float("nan")], stop_gradient=False)
y = F.relu(x)
y.backward()
others = {
    name: getattr(F, name)(paddle.to_tensor([float("nan")])).item()
    for name in ("gelu", "silu", "relu6", "leaky_relu", "tanh")
}
place = int(paddle.argmax(paddle.to_tensor([1.0, float("nan"), 0.0])))
print("relu(NaN)", y.item(), "gradient", x.grad.item(), "others", others)
print("argmax of [1, NaN, 0] is", place)
assert y.item() == 0.0 and x.grad.item() == 0.0
assert all(math.isnan(value) for value in others.values())
assert place == 0
PYTHON
