#!/usr/bin/env bash
# A weight that changes between forward and backward is used by Paddle's backward without a word.
#
# paddlepaddle 3.3.1, CPU. y = x w with w = 2; then w is set to 5; then backward: the gradient of x is 5,
# the new weight. PyTorch counts versions of tensors and raises "modified by an inplace operation". The
# same holds after optimizer.step(). So the order matters where a second model (a momentum encoder, a
# teacher that follows) or a second loss shares weights with one whose backward is still to come.
#
# Seen on 27 November 2026:
#     gradient of x: 5.0 (forward ran with 2.0)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check paddlepaddle==3.3.1
cd "$folder"
export OMP_NUM_THREADS=1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
import paddle

layer = paddle.nn.Linear(1, 1, bias_attr=False)
layer.weight.set_value(np.array([[2.0]], dtype="float32"))
x = paddle.to_tensor([[1.0]], stop_gradient=False)
y = layer(x)
layer.weight.set_value(np.array([[5.0]], dtype="float32"))
y.backward()
print("y", y.item(), "gradient of x:", x.grad.item())
assert y.item() == 2.0 and x.grad.item() == 5.0
PYTHON
