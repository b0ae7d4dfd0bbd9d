"""The other side of the comparison: XNLI fine-tuning as a plain PyTorch and transformers loop.

    python pytorch_loop.py --model INITIAL --xnli_root $XNLI_ROOT --train_file $MNLI_TRAIN \
        --rows rows-42.txt --seed 42 --out OUT

Trains on the given rows in the given order (256 a step, length-sorted micro-batches of 16),
scores dev every 20 steps, keeps the best, scores the test set once. The same command again resumes
from OUT/state.pt, which is written every ten steps. Written against transformers 4.55.4 and torch
2.13.0; it shares no code with the package.
"""

import argparse
import csv
import json
import random
import sys
import time
from pathlib import Path

import numpy as np
import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    get_linear_schedule_with_warmup,
)

sys.path.append(str(Path(__file__).parents[1]))
from torch_state import restore, save  # noqa: E402  # in the folder above

LANGUAGES = (
    "ar", "bg", "de", "el", "en", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh",
)  # fmt: skip
LABELS = ("entailment", "neutral", "contradiction")


def read(path: Path) -> list[tuple[str, str, int]]:
    with open(path, encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [(row["premise"], row["hypothesis"], LABELS.index(row["label"])) for row in rows]


def encode(tokenizer, pairs):
    return tokenizer(
        [premise for premise, _, _ in pairs],
        [hypothesis for _, hypothesis, _ in pairs],
        truncation="longest_first",
        max_length=128,
    )["input_ids"]


def batches(order, ids, size):
    """Cut `order` into batches of `size`, each padded to its own longest row."""
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        width = max(len(ids[row]) for row in rows)
        input_ids = torch.full((len(rows), width), 1, dtype=torch.long)
        for i, row in enumerate(rows):
            input_ids[i, : len(ids[row])] = torch.tensor(ids[row])
        yield rows, input_ids


@torch.inference_mode()
def score(model, tokenizer, folder: Path, limit: int | None):
    """Predictions of every language's first `limit` rows, in reading order."""
    model.eval()
    records, ids = [], []
    for language in LANGUAGES:
        pairs = read(folder / f"{language}.tsv")[:limit]
        ids += encode(tokenizer, pairs)
        records += [
            {"language": language, "row": row, "label": LABELS[label]}
            for row, (_, _, label) in enumerate(pairs)
        ]
    order = sorted(range(len(ids)), key=lambda row: -len(ids[row]))
    for rows, input_ids in batches(order, ids, 64):
        logits = model(input_ids=input_ids, attention_mask=input_ids != 1).logits
        for row, probabilities in zip(rows, logits.softmax(-1).tolist(), strict=True):
            records[row]["predicted"] = LABELS[int(np.argmax(probabilities))]
            records[row]["probabilities"] = [round(p, 6) for p in probabilities]
    accuracy = {
        language: float(
            np.mean([r["label"] == r["predicted"] for r in records if r["language"] == language])
        )
        for language in LANGUAGES
    }
    return records, {"accuracy": accuracy, "average": float(np.mean(list(accuracy.values())))}


def train(model, tokenizer, arguments):
    pairs = read(arguments.train_file)
    rows = [int(line) for line in arguments.rows.read_text().split()]
    ids = dict(zip(rows, encode(tokenizer, [pairs[row] for row in rows]), strict=True))
    steps = len(rows) // 256
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-4, weight_decay=0.0, eps=1e-8)
    scheduler = get_linear_schedule_with_warmup(optimizer, round(0.1 * steps), steps)
    state, history, best, best_state = arguments.out / "state.pt", [], -1.0, None
    if state.exists():
        more = restore(state, model, optimizer, scheduler)
        history, best, best_state = more["history"], more["best"], more["best_state"]
        print(f"resumed after step {history[-1]['step']}")
    for step in range(history[-1]["step"] + 1 if history else 1, steps + 1):
        model.train()
        started, loss_sum = time.perf_counter(), 0.0
        window = sorted(rows[(step - 1) * 256 : step * 256], key=lambda row: len(ids[row]))
        for part, input_ids in batches(window, ids, 16):
            labels = torch.tensor([pairs[row][2] for row in part])
            logits = model(input_ids=input_ids, attention_mask=input_ids != 1).logits
            loss = torch.nn.functional.cross_entropy(logits, labels, reduction="sum") / 256
            loss.backward()
            loss_sum += loss.item()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        rate = scheduler.get_last_lr()[0]
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
        seconds = time.perf_counter() - started
        history.append({"step": step, "loss": loss_sum, "learning_rate": rate, "seconds": seconds})
        if step % 20 == 0 or step == steps:
            _, dev = score(model, tokenizer, arguments.xnli_root / "dev", arguments.eval_limit)
            history.append({"step": step, "dev": dev})
            if dev["average"] > best:
                best = dev["average"]
                best_state = {key: value.clone() for key, value in model.state_dict().items()}
        with open(arguments.out / "metrics.jsonl", "w", encoding="utf-8") as lines:
            lines.writelines(json.dumps(line) + "\n" for line in history)
        if step % 10 == 0:
            more = {"history": history, "best": best, "best_state": best_state}
            save(state, model, optimizer, scheduler, **more)
    model.load_state_dict(best_state)
    return state


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("model", "xnli_root", "train_file", "rows", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--eval_limit", type=int, default=100, help="dev rows a language")
    parser.add_argument("--test_limit", type=int, default=None, help="test rows a language")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    random.seed(arguments.seed)
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(arguments.threads)
    arguments.out.mkdir(parents=True, exist_ok=True)

    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    trained = arguments.out / "model"
    if not trained.exists():
        model = AutoModelForSequenceClassification.from_pretrained(
            arguments.model, attn_implementation="sdpa"
        )
        state = train(model, tokenizer, arguments)
        tokenizer.save_pretrained(trained.with_name("saving"))
        model.save_pretrained(trained.with_name("saving"))
        trained.with_name("saving").rename(trained)
        state.unlink(missing_ok=True)
    model = AutoModelForSequenceClassification.from_pretrained(trained)
    records, test = score(model, tokenizer, arguments.xnli_root / "test", arguments.test_limit)
    with open(arguments.out / "predictions.jsonl", "w", encoding="utf-8") as lines:
        lines.writelines(json.dumps(record) + "\n" for record in records)
    (arguments.out / "results.json").write_text(json.dumps({"test": test}, indent=2) + "\n")


if __name__ == "__main__":
    main()
