"""How far bfloat16 moves a gradient: ours next to PyTorch's autocast, each from its own float32.

    python gradients.py --train_file $MNLI_TRAIN --models weights/initial weights/initial_torch

The models are one checkpoint with a classifier in both formats. Ten batches of 256 pairs without
dropout, each summed up from micro-batches of 32 as in training; the error of a batch is the norm of
the gradients' difference over all parameters, divided by the float32 gradient's. Writes
gradients.json next to this file.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from infoxlm.hardware.environment import prepare_environment

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent / "speed"))
from texts import read  # noqa: E402

BATCHES, PAIRS, MICRO_BATCH = 10, 256, 32
#: Rounding is all that there is to the gradient of the keys' biases.
LEFT_OUT = "key.bias"

#: A batch: token ids ``[MICRO_BATCH, seq]`` and labels ``[MICRO_BATCH]`` of each micro-batch.
Batch = list[tuple[np.ndarray, np.ndarray]]


def error(exact: dict[str, np.ndarray], found: dict[str, np.ndarray]) -> float:
    """The norm of a difference of gradients, relative to the exact one's."""
    names = [name for name in exact if not name.endswith(LEFT_OUT)]
    difference = sum(float(((found[x] - exact[x]).astype(np.float64) ** 2).sum()) for x in names)
    return float(
        (difference / sum(float((exact[x].astype(np.float64) ** 2).sum()) for x in names)) ** 0.5
    )


def of_ours(folder: Path, batches: list[Batch]) -> list[float]:
    """The error of each batch here."""
    import paddle

    from infoxlm.model import InfoXLMForSequenceClassification
    from infoxlm.model.precision import Precision
    from infoxlm.schema import Amp

    model = InfoXLMForSequenceClassification.from_pretrained(folder)
    model.eval()  # no dropout

    def gradient(batch: Batch, amp: Amp) -> dict[str, np.ndarray]:
        model.clear_gradients()
        for ids, labels in batch:
            with Precision(amp).autocast():
                logits = model(paddle.to_tensor(ids)).logits
            loss = paddle.nn.functional.cross_entropy(logits, paddle.to_tensor(labels))
            (loss / len(batch)).backward()
        return {name: x.grad.numpy() for name, x in model.named_parameters() if x.grad is not None}

    return [error(gradient(x, Amp.none), gradient(x, Amp.bf16)) for x in batches]


def of_pytorch(folder: Path, batches: list[Batch]) -> list[float]:
    """The error of each batch in PyTorch."""
    import torch
    from transformers import XLMRobertaForSequenceClassification

    model = XLMRobertaForSequenceClassification.from_pretrained(folder)
    model.eval()

    def gradient(batch: Batch, bf16: bool) -> dict[str, np.ndarray]:
        model.zero_grad()
        for ids, labels in batch:
            tokens = torch.from_numpy(ids)
            with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                logits = model(input_ids=tokens, attention_mask=(tokens != 1).long()).logits
            loss = torch.nn.functional.cross_entropy(logits.float(), torch.from_numpy(labels))
            (loss / len(batch)).backward()
        return {
            name: x.grad.numpy().copy()
            for name, x in model.named_parameters()
            if x.grad is not None
        }

    return [error(gradient(x, False), gradient(x, True)) for x in batches]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--train_file", type=Path, required=True)
    parser.add_argument("--models", type=Path, nargs=2, metavar=("PADDLE", "TORCH"), required=True)
    given = parser.parse_args()
    prepare_environment()
    from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

    premises, hypotheses, labels = zip(*read(given.train_file, BATCHES * PAIRS), strict=True)
    tokens = InfoXLMTokenizer.from_pretrained(given.models[0]).encode(
        premises, hypotheses, max_length=128
    )
    rows = np.arange(BATCHES * PAIRS).reshape(BATCHES, -1, MICRO_BATCH)
    batches = [[(tokens.padded(part), np.array(labels)[part]) for part in each] for each in rows]
    ours = of_ours(given.models[0], batches)
    theirs = of_pytorch(given.models[1], batches)
    record = {
        "ours": ours,
        "pytorch": theirs,
        "ratio": [a / b for a, b in zip(ours, theirs, strict=True)],
    }
    (HERE / "gradients.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    for name, values in record.items():
        print(f"{name}: median {np.median(values):.4f}, {min(values):.4f} to {max(values):.4f}")


if __name__ == "__main__":
    main()
