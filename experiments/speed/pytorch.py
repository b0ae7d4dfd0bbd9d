"""The other side: a plain PyTorch and transformers loop with the settings it is given.

Its best settings are searched for by `search.py`. The defaults of transformers' run_xnli.py are
--order random --pad_to 128 --batch 8.
"""

import argparse
import os
import time
from pathlib import Path

from texts import STEP, measured, read, read_languages, windows
from worker import serve


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("model", "train_file", "xnli_root"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=20480)
    parser.add_argument("--score_rows", type=int, default=20)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--batch_tokens", type=int, help="a token budget in place of --batch")
    parser.add_argument("--score_batch", type=int, default=32)
    parser.add_argument("--order", choices=["length", "random"], default="length")
    parser.add_argument("--pad_to", type=int, help="pad everything to so many tokens")
    parser.add_argument("--attention", default="sdpa")
    parser.add_argument("--optimizer", choices=["fused", "foreach", "loop"], default="fused")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--freeze", action="store_true", help="weights are constants, compiled in")
    parser.add_argument("--bf16", choices=["autocast", "weights"], help="weights: to score with")
    parser.add_argument("--quick", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    os.environ["HF_HUB_OFFLINE"] = "1"

    import torch
    import torch._inductor.config
    from transformers import AutoTokenizer, XLMRobertaForSequenceClassification

    torch.manual_seed(42)
    torch.set_num_threads(arguments.threads)
    tokenizer = AutoTokenizer.from_pretrained(arguments.model)

    def encode(pairs):
        return tokenizer(
            [p for p, _, _ in pairs],
            [h for _, h, _ in pairs],
            truncation="longest_first",
            max_length=128,
        )["input_ids"]

    pairs = read(arguments.train_file, arguments.pairs)
    ids = encode(pairs)
    lengths = [len(row) for row in ids]
    model = XLMRobertaForSequenceClassification.from_pretrained(
        arguments.model, num_labels=3, attn_implementation=arguments.attention
    )
    if arguments.freeze:
        torch._inductor.config.freezing = True
    if arguments.bf16 == "weights":
        model = model.bfloat16()
    called = torch.compile(model, dynamic=True) if arguments.compile else model

    def computed(input_ids):
        mask = (input_ids != 1).long()
        with torch.autocast("cpu", torch.bfloat16, enabled=arguments.bf16 == "autocast"):
            return called(input_ids=input_ids, attention_mask=mask).logits.float()

    options = {"fused": {"fused": True}, "foreach": {"foreach": True}, "loop": {"foreach": False}}
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=2e-5, weight_decay=0.0, **options[arguments.optimizer]
    )
    steps = iter(windows(len(pairs)))

    def padded(rows):
        width = arguments.pad_to or max(map(len, rows))
        input_ids = torch.full((len(rows), width), 1, dtype=torch.long)
        for i, row in enumerate(rows):
            input_ids[i, : len(row)] = torch.tensor(row)
        return input_ids

    def parts(rows, batch):
        for start in range(0, len(rows), batch):
            yield rows[start : start + batch]

    def parts_by_tokens(rows, tokens):
        """Cut rows that come by length, the longest last, into batches of so many tokens."""
        part = []
        for row in rows:
            if part and (len(part) + 1) * lengths[row] > tokens:
                yield part
                part = []
            part.append(row)
        yield part

    def train() -> dict:
        window = next(steps)
        rows = measured(window, lengths, bool(arguments.quick))
        if arguments.order == "random":
            rows = [row for row in window if row in set(rows)]
        model.train()
        started = time.perf_counter()
        if arguments.batch_tokens:
            batches = parts_by_tokens(rows, arguments.batch_tokens)
        else:
            batches = parts(rows, arguments.batch)
        for part in batches:
            input_ids = padded([ids[row] for row in part])
            labels = torch.tensor([pairs[row][2] for row in part])
            logits = computed(input_ids)
            loss = torch.nn.functional.cross_entropy(logits, labels, reduction="sum") / len(rows)
            loss.backward()
        gradient = time.perf_counter() - started
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        step = time.perf_counter() - started - gradient
        return {
            "gradient": gradient * STEP / len(rows),
            "step": step,
            "pairs_per_second": STEP / (gradient * STEP / len(rows) + step),
        }

    texts = read_languages(arguments.xnli_root / "test", arguments.score_rows)

    @torch.inference_mode()
    def score() -> dict:
        model.eval()
        started = time.perf_counter()
        encoded = encode(texts)
        order = list(range(len(encoded)))
        if arguments.order == "length":
            order.sort(key=lambda row: -len(encoded[row]))
        for part in parts(order, arguments.score_batch):
            input_ids = padded([encoded[row] for row in part])
            logits = computed(input_ids)
            logits.softmax(-1).numpy()
        seconds = time.perf_counter() - started
        return {"seconds": seconds, "pairs_per_second": len(texts) / seconds}

    serve({"train": train, "score": score, "score_alone": score})


if __name__ == "__main__":
    main()
