#!/usr/bin/env bash
# Class weights with label smoothing: Paddle's cross-entropy is another loss than PyTorch's.
#
# paddlepaddle 3.3.1 and torch 2.13.0, CPU, the same logits, labels, weights and smoothing. With s the
# smoothed labels, p the log-probabilities and w the class weights, per example:
#     Paddle   (sum s w) (-sum s p), divided by the sum of (sum s w) over the examples
#     PyTorch  -sum s w p,           divided by the sum of w[label]
# Without smoothing or without weights both are equal. So a recipe with both cannot be carried from one
# framework to the other by its two numbers.
#
# Seen on 27 November 2026:
#     paddle 1.6177, torch 1.5999; without smoothing both 1.6471
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check paddlepaddle==3.3.1 torch==2.13.0 numpy==1.26.4
cd "$folder"
export OMP_NUM_THREADS=1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
import paddle
import torch

logits = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
labels, weights, smoothing = np.array([0, 1, 2, 2, 0]), np.array([1, 2, 5], "float32"), 0.1


def both(smoothing):
    ours = paddle.nn.functional.cross_entropy(
        paddle.to_tensor(logits),
        paddle.to_tensor(labels),
        weight=paddle.to_tensor(weights),
        label_smoothing=smoothing,
    )
    theirs = torch.nn.functional.cross_entropy(
        torch.tensor(logits),
        torch.tensor(labels),
        weight=torch.tensor(weights),
        label_smoothing=smoothing,
    )
    return float(ours), float(theirs)


log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
smooth = (1 - smoothing) * np.eye(3)[labels] + smoothing / 3
mean_weight = (smooth * weights).sum(1)
as_paddle = (mean_weight * -(smooth * log_p).sum(1)).sum() / mean_weight.sum()
as_torch = -(smooth * weights * log_p).sum() / weights[labels].sum()
found, plain = both(smoothing), both(0.0)
print("paddle %.4f, torch %.4f; without smoothing %.4f, %.4f" % (*found, *plain))
assert np.allclose(found, (as_paddle, as_torch), atol=1e-5)
assert abs(found[0] - found[1]) > 0.01 and abs(plain[0] - plain[1]) < 1e-5
PYTHON
