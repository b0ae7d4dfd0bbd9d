#!/usr/bin/env bash
# Paddle's softmax and cross-entropy know no logit more than 64 below the largest.
#
# paddlepaddle 3.3.1, CPU. Logits are lifted to 64 below the row's largest before they are used, minus
# infinity too: softmax of a position masked with -inf is 1.6e-28, not 0, and cross-entropy never
# exceeds 64, while its gradient is the one of the real logits. PyTorch gives 0 and 100. So a
# perplexity or a loss of confident mistakes is understated, and "probability == 0" finds no mask.
#
# Seen on 27 November 2026:
#     softmax of [0, -inf]: [1, 1.6038e-28]
#     cross-entropy at a distance of 63, 64, 65, 1000: 63 64 64 64
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check paddlepaddle==3.3.1
cd "$folder"
export OMP_NUM_THREADS=1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import paddle
import paddle.nn.functional as F

masked = F.softmax(paddle.to_tensor([[0.0, float("-inf")]])).numpy()[0]
distances = (63.0, 64.0, 65.0, 1000.0)
label = paddle.to_tensor([1])
losses = [float(F.cross_entropy(paddle.to_tensor([[x, 0.0]]), label)) for x in distances]
print("softmax of [0, -inf]:", masked.tolist())
print("cross-entropy at a distance of", distances, "is", losses)
assert masked[0] == 1 and 1.5e-28 < masked[1] < 1.7e-28
assert losses == [63.0, 64.0, 64.0, 64.0]
PYTHON
