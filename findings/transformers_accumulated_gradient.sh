#!/usr/bin/env bash
# transformers' Trainer makes gradients N times too large for XLM-R when it accumulates N micro-batches.
#
# transformers 5.24.0, torch 2.13.0, CPU. XLMRobertaForSequenceClassification takes **kwargs, from which
# the Trainer concludes that the model divides its loss by the number of examples of the whole step; its
# classification loss does not. So the gradient norm at gradient_accumulation_steps=4 with batches of 2
# is about 4 times the one at batches of 8 without accumulation, on the same 8 examples. Clipping hides
# it; without clipping the learning rate is N times the one that was asked for. A comparison with this
# Trainer has to divide the loss itself.
#
# Seen on 27 November 2026 (gradient norm, loss of one step on the same 8 examples):
#     8 at once: 0.1393, 1.100; 4 times 2: 0.5573, 4.401
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 transformers==5.24.0 accelerate==1.15.0
cd "$folder"
export OMP_NUM_THREADS=1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import torch
from transformers import (
    Trainer,
    TrainingArguments,
    XLMRobertaConfig,
    XLMRobertaForSequenceClassification,
)


def first_step(batch, accumulate):
    torch.manual_seed(0)
    config = XLMRobertaConfig(
        vocab_size=50,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=16,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        num_labels=3,
    )
    model = XLMRobertaForSequenceClassification(config)
    generator = torch.Generator().manual_seed(1)
    rows = [
        {"input_ids": torch.randint(4, 50, (8,), generator=generator), "labels": row % 3}
        for row in range(8)
    ]
    arguments = TrainingArguments(
        output_dir="out",
        per_device_train_batch_size=batch,
        gradient_accumulation_steps=accumulate,
        max_steps=1,
        learning_rate=0.0,
        max_grad_norm=1e9,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
    )
    trainer = Trainer(model, arguments, train_dataset=rows)
    trainer.train()
    log = trainer.state.log_history[0]
    return log["grad_norm"], log["loss"]


whole, accumulated = first_step(8, 1), first_step(2, 4)
print("gradient norm, loss: 8 at once", whole, "4 times 2", accumulated)
assert abs(accumulated[0] / whole[0] - 4) < 0.01
assert abs(accumulated[1] / whole[1] - 4) < 0.01
PYTHON
