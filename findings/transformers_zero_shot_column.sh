#!/usr/bin/env bash
# The zero-shot pipeline of transformers never looks for "contradiction": it goes by place.
#
# transformers 5.24.0 (4.55.4 has the same code). With multi_label, or one candidate label, a score is entailment against
# contradiction. Entailment is found by its name in label2id; contradiction is taken to be the last
# column if entailment is the first, and the first otherwise. A model whose labels are neutral,
# entailment, contradiction is scored against neutral, and nothing says so.
#
# Seen on 27 November 2026: a model that always answers with logits neutral 5, entailment 0,
# contradiction -5
#     score 0.0067 (against neutral); against contradiction it would be 0.9933
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 transformers==5.24.0 numpy==1.26.4
cd "$folder"
export OMP_NUM_THREADS=1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import torch
from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast, pipeline

with open("vocab.txt", "w") as file:
    file.write("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b"]))
tokenizer = BertTokenizerFast("vocab.txt")
labels = ["neutral", "entailment", "contradiction"]
config = BertConfig(
    vocab_size=7,
    hidden_size=8,
    num_hidden_layers=1,
    num_attention_heads=1,
    intermediate_size=8,
    id2label=dict(enumerate(labels)),
    label2id={label: number for number, label in enumerate(labels)},
)
model = BertForSequenceClassification(config).eval()
with torch.no_grad():
    model.classifier.weight.zero_()
    model.classifier.bias.copy_(torch.tensor([5.0, 0.0, -5.0]))
classify = pipeline("zero-shot-classification", model=model, tokenizer=tokenizer, device="cpu")
score = classify("a", candidate_labels=["b"], multi_label=True)["scores"][0]
against = {name: torch.sigmoid(torch.tensor(0.0 - x)).item() for name, x in (("neutral", 5.0), ("contradiction", -5.0))}
print("score", round(score, 4), "; against", {name: round(x, 4) for name, x in against.items()})
assert abs(score - against["neutral"]) < 1e-4
PYTHON
