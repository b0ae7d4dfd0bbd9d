"""From the start of Python to the end of the first micro-batch, in PyTorch.

python pytorch_start.py --tokenize MODEL IDS.npz TRAIN_FILE    # once
python pytorch_start.py MODEL IDS.npz THREADS                  # prints the time of its end
"""

import sys
import time

import numpy as np


def tokenize(model: str, ids_file: str, train_file: str) -> None:
    from texts import read
    from transformers import AutoTokenizer

    pairs = read(train_file, 20480)
    texts = [p for p, _, _ in pairs], [h for _, h, _ in pairs]
    tokenizer = AutoTokenizer.from_pretrained(model)
    ids = tokenizer(*texts, truncation="longest_first", max_length=128)["input_ids"]
    np.savez(
        ids_file,
        ids=np.concatenate(ids),
        lengths=[len(row) for row in ids],
        labels=[label for _, _, label in pairs],
    )


def first_micro_batch(model_folder: str, ids_file: str, threads: str) -> None:
    import torch
    from transformers import XLMRobertaForSequenceClassification

    torch.set_num_threads(int(threads))
    data = np.load(ids_file)
    starts = np.cumsum(data["lengths"]) - data["lengths"]
    ids = data["ids"]
    model = XLMRobertaForSequenceClassification.from_pretrained(model_folder, num_labels=3)
    torch.optim.AdamW(model.parameters(), lr=2e-5, fused=True)
    model.train()
    rows = np.random.default_rng(42).permutation(len(starts))[:16]
    input_ids = torch.full((16, int(data["lengths"][rows].max())), 1)
    for i, row in enumerate(rows):
        sequence = ids[starts[row] : starts[row] + data["lengths"][row]]
        input_ids[i, : len(sequence)] = torch.from_numpy(sequence)
    labels = torch.from_numpy(data["labels"][rows])
    model(
        input_ids=input_ids, attention_mask=(input_ids != 1).long(), labels=labels
    ).loss.backward()
    print(time.time())


if __name__ == "__main__":
    if sys.argv[1] == "--tokenize":
        tokenize(*sys.argv[2:])
    else:
        first_micro_batch(*sys.argv[1:])
