#!/usr/bin/env bash
# A gradient that is assigned is copied: the tensor that was given and the parameter's .grad go apart.
#
# paddlepaddle 3.3.1, CPU; torch 2.13.0. After `weight.grad = g`, adding to g in place leaves Paddle's
# weight.grad as it was, and its memory is another. PyTorch's weight.grad is g. So a buffer that several
# parameters' gradients are views of (a bucket for an exchange between processes, a gradient that a
# kernel adds to) holds nothing of what backward() adds later; and each assignment costs the gradient's
# size in memory and a pass over it. To write where Paddle reads, take `weight.grad` after the
# assignment and change that in place.
#
# Seen on 28 November 2026:
#     Paddle:  same memory False, g 1.0, weight.grad 0.0; after backward g 1.0, weight.grad 3.0
#     PyTorch: same memory True, g 1.0, weight.grad 1.0; after backward g 4.0, weight.grad 4.0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check paddlepaddle==3.3.1 torch==2.13.0
cd "$folder"
export OMP_NUM_THREADS=1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import paddle
import torch


def look(name, weight, gradient, ones):
    weight.grad = gradient
    same = weight.grad.data_ptr() == gradient.data_ptr()
    gradient.add_(ones)
    first = gradient.item(), weight.grad.item()
    (3 * weight).sum().backward()
    second = gradient.item(), weight.grad.item()
    print(f"{name:8} same memory {same}, g {first[0]}, weight.grad {first[1]}; "
          f"after backward g {second[0]}, weight.grad {second[1]}")
    return same, first, second


weight = paddle.create_parameter([1], "float32")
theirs = look("Paddle:", weight, paddle.zeros([1]), paddle.ones([1]))
other = torch.nn.Parameter(torch.zeros(1))
ours = look("PyTorch:", other, torch.zeros(1), torch.ones(1))
assert theirs == (False, (1.0, 0.0), (1.0, 3.0)), theirs
assert ours == (True, (1.0, 1.0), (4.0, 4.0)), ours
PYTHON
