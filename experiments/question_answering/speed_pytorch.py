"""The other side: a plain PyTorch loop over transformers' model, as run_qa has it, at its best.

Windows of a step and of an evaluation are sorted by length and padded to the longest of their
micro-batch; attention is sdpa, AdamW fused.
"""

import argparse
import os
import sys
import time
from pathlib import Path

from speed_windows import Windows

sys.path.insert(0, str(Path(__file__).parents[1] / "speed"))

from worker import serve  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    for name in ("model", "windows"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for name in ("step", "batch"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    os.environ["HF_HUB_OFFLINE"] = "1"

    import torch
    from transformers import XLMRobertaForQuestionAnswering

    torch.manual_seed(42)
    torch.set_num_threads(arguments.threads)
    windows = Windows(arguments.windows, arguments.step)
    model = XLMRobertaForQuestionAnswering.from_pretrained(
        arguments.model, attn_implementation="sdpa"
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-5, weight_decay=0.0, fused=True)

    def batches(kind, rows):
        """Micro-batches of rows that are sorted by length."""
        ids, offsets = windows.sequences(kind)
        ordered = sorted(rows, key=lambda row: offsets[row] - offsets[row + 1])
        for start in range(0, len(ordered), arguments.batch):
            part = ordered[start : start + arguments.batch]
            sequences = [torch.tensor(ids[offsets[x] : offsets[x + 1]]).long() for x in part]
            input_ids = torch.nn.utils.rnn.pad_sequence(sequences, True, 1)
            yield part, {"input_ids": input_ids, "attention_mask": (input_ids != 1).long()}

    def train(kind):
        rows, targets = windows.rows(kind), windows.targets(kind)
        model.train()
        started = time.perf_counter()
        for part, inputs in batches(kind, rows):
            out = model(
                **inputs,
                start_positions=torch.tensor(targets["start"][part]),
                end_positions=torch.tensor(targets["end"][part]),
            )
            (out.loss * len(part) / len(rows)).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        return {"windows_per_second": len(rows) / (time.perf_counter() - started)}

    @torch.inference_mode()
    def score():
        model.eval()
        rows = range(len(windows.sequences("test")[1]) - 1)
        started = time.perf_counter()
        for _, inputs in batches("test", rows):
            out = model(**inputs)
            torch.stack([out.start_logits, out.end_logits], -1).numpy()
        return {"windows_per_second": len(rows) / (time.perf_counter() - started)}

    serve({
        "train_mixed": lambda: train("train"), "train_full": lambda: train("full"), "score": score,
    })  # fmt: skip


if __name__ == "__main__":
    main()
