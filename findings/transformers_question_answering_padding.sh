#!/usr/bin/env bash
# transformers' loss of question answering counts padding as places where an answer may begin or end.
#
# transformers 5.24.0, torch 2.13.0, CPU. XLMRobertaForQuestionAnswering takes the attention mask, with
# which the logits of real tokens do not depend on the padding; its loss is a softmax over all places,
# padded ones included, so that it, and the gradient, depend on how wide a batch happens to be. Padding
# to 384 tokens, as run_qa does by default, a window of 32 tokens begins with a loss of ln 384 where it
# has ln 32 alone. So losses of two set-ups are comparable only with the same padding; micro-batches of
# other sizes learn something else; and a loop that pads to the longest has to mask the logits itself.
#
# Seen on 28 November 2026 (width: loss; largest difference of the real tokens' logits from width 32):
#     32: 3.448; 0    64: 4.143; 0    384: 5.936; 0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 transformers==5.24.0
cd "$folder"
export OMP_NUM_THREADS=1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import math

import torch
from transformers import XLMRobertaConfig, XLMRobertaForQuestionAnswering

PAD, LENGTH = 1, 32
torch.manual_seed(0)
config = XLMRobertaConfig(
    vocab_size=50,
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=32,
    max_position_embeddings=400,
    pad_token_id=PAD,
)
model = XLMRobertaForQuestionAnswering(config).eval()
ids = torch.randint(4, 50, (2, LENGTH), generator=torch.Generator().manual_seed(1))
losses, logits = {}, {}
for width in (LENGTH, 64, 384):
    padded = torch.full((2, width), PAD)
    padded[:, :LENGTH] = ids
    with torch.no_grad():
        output = model(
            input_ids=padded,
            attention_mask=(padded != PAD).long(),
            start_positions=torch.tensor([3, 5]),
            end_positions=torch.tensor([4, 9]),
        )
    losses[width] = output.loss.item()
    logits[width] = output.start_logits[:, :LENGTH]
    difference = (logits[width] - logits[LENGTH]).abs().max().item()
    print(f"width {width}: loss {losses[width]:.3f}, logits of real tokens differ by {difference:.1e}")
    assert difference < 1e-6
    assert abs(losses[width] - math.log(width)) < 0.1
PYTHON
