"""The other side of the comparison: thirty optimizer steps in plain PyTorch and transformers.

    python pytorch_loop.py --model INITIAL --learning_rate 2e-4 --out OUT.json

Each line of rows.txt is one step: its pairs go through the model as one padded batch, their mean
loss is differentiated, clipped at norm 1, and AdamW takes a step. OUT.json gets every loss,
gradient norm and learning rate, and the logits of 200 test pairs in fifteen languages before and
after. Written against transformers 4.55.4 and torch 2.13.0; it shares no code with the package.
"""

import argparse
import csv
import json
from pathlib import Path

import torch
from tqdm import tqdm
from transformers import (
    XLMRobertaForSequenceClassification,
    XLMRobertaTokenizer,
    get_linear_schedule_with_warmup,
)

HERE = Path(__file__).parent
LANGUAGES = (
    "ar", "bg", "de", "el", "en", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh",
)  # fmt: skip
SETTINGS = ("learning_rate", "weight_decay", "epsilon", "max_grad_norm", "warmup_steps")
#: Rows 0, 8, 16, ... of the test set in all languages, until there are 200 pairs.
PAIRS = [(LANGUAGES[i % 15], 8 * (i // 15)) for i in range(200)]


def read(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def encode(tokenizer, pairs):
    return tokenizer(
        [pair["premise"] for pair in pairs],
        [pair["hypothesis"] for pair in pairs],
        truncation="longest_first",
        max_length=128,
        padding=True,
        return_tensors="pt",
    )


@torch.inference_mode()
def logits_of(model, tokenizer, pairs) -> list[list[float]]:
    model.eval()
    return model(**encode(tokenizer, pairs)).logits.tolist()


def parameter_groups(model, weight_decay: float) -> list[dict]:
    """Weight decay as it is usually done: not on biases, not on LayerNorm."""
    decayed, others = [], []
    for name, parameter in model.named_parameters():
        bare = name.endswith(".bias") or "LayerNorm" in name
        (others if bare else decayed).append(parameter)
    return [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]


def train(model, tokenizer, pairs, steps: list[list[int]], arguments) -> list[dict[str, float]]:
    optimizer = torch.optim.AdamW(
        parameter_groups(model, arguments.weight_decay),
        lr=arguments.learning_rate,
        betas=(0.9, 0.999),
        eps=arguments.epsilon,
    )
    schedule = get_linear_schedule_with_warmup(optimizer, arguments.warmup_steps, len(steps))
    model.train()
    history = []
    for rows in tqdm(steps, desc="training", unit=" steps", disable=None):
        batch = [pairs[row] for row in rows]
        labels = torch.tensor([model.config.label2id[pair["label"]] for pair in batch])
        loss = model(**encode(tokenizer, batch), labels=labels).loss
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), arguments.max_grad_norm)
        history.append(
            {
                "loss": loss.item(),
                "gradient_norm": norm.item(),
                "learning_rate": schedule.get_last_lr()[0],
            }
        )
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    return history


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--learning_rate", type=float, required=True)
    parser.add_argument("--weight_decay", type=float, default=0.01)
    parser.add_argument("--epsilon", type=float, default=1e-8)
    parser.add_argument("--max_grad_norm", type=float, default=1.0)
    parser.add_argument("--warmup_steps", type=int, default=3)
    parser.add_argument("--rows", type=Path, default=HERE / "rows.txt")
    parser.add_argument("--data", type=Path, default=HERE.parents[1] / "infoxlm/data/sample")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    tokenizer = XLMRobertaTokenizer.from_pretrained(arguments.model)
    model = XLMRobertaForSequenceClassification.from_pretrained(
        arguments.model,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        attn_implementation="sdpa",
    )
    steps = [[int(row) for row in line.split()] for line in arguments.rows.open(encoding="utf-8")]
    test = {language: read(arguments.data / "test" / f"{language}.tsv") for language in LANGUAGES}
    chosen = [test[language][row] for language, row in PAIRS]

    before = logits_of(model, tokenizer, chosen)
    history = train(model, tokenizer, read(arguments.data / "train" / "en.tsv"), steps, arguments)
    after = logits_of(model, tokenizer, chosen)
    token_ids = encode(tokenizer, chosen)
    record = {
        "model": arguments.model.name,
        "settings": {key: getattr(arguments, key) for key in SETTINGS},
        "steps": history,
        "pairs": [
            {
                "language": language,
                "row": row,
                "token_ids": ids[mask.bool()].tolist(),
                "logits_before": before[i],
                "logits": after[i],
            }
            for i, ((language, row), ids, mask) in enumerate(
                zip(PAIRS, token_ids["input_ids"], token_ids["attention_mask"], strict=True)
            )
        ],
    }
    arguments.out.write_text(json.dumps(record) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
