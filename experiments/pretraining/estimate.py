"""An estimate of what the released model's pre-training takes: 200,000 updates on 8 GPUs.

    python estimate.py --run RUN --pair_tokens 60

RUN is a run of `infoxlm pretrain` of the base shape, from which the operations a second of this
machine are taken. The number of operations is that of the textbook products of the three losses
(`infoxlm.train.speed`), with 2,048 examples of each in an update: blocks of 512 tokens for masked
LM, pairs for translation LM, two pairs against each other for the contrast at block 8. How many
tokens a pair has on average the paper does not say: it is a guess, given by --pair_tokens.
"""

import argparse
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from infoxlm.train.speed import training_flops

#: InfoXLM base, and its pre-training (Chi et al. 2021; microsoft/unilm, folder infoxlm).
SHAPE = SimpleNamespace(hidden_size=768, intermediate_size=3072, num_hidden_layers=12)
VOCABULARY, MASKED = 250_002, 0.15
EXAMPLES, UPDATES, BLOCK_TOKENS, CONTRAST_BLOCK = 2048, 200_000, 512, 8
#: A GPU's operations a second in fp16 that training gets in practice: a third of a V100's 125e12.
GPU, GPUS = 40e12, 8


def language_model(tokens: float) -> float:
    """FLOPs of masked LM on sequences of so many tokens, the head over masked ones included."""
    lengths = np.full(EXAMPLES, tokens)
    hidden = SHAPE.hidden_size
    head = 6 * MASKED * lengths.sum() * (hidden * hidden + hidden * VOCABULARY)
    return training_flops(lengths, SHAPE) + head


def contrast(tokens: float) -> float:
    """FLOPs of the contrast of sequences of so many tokens, to its block.

    Of the two sides one has a forward pass alone, a third of the work.
    """
    share = CONTRAST_BLOCK / SHAPE.num_hidden_layers * (1 + 1 / 3)
    return share * training_flops(np.full(EXAMPLES, tokens), SHAPE)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--pair_tokens", type=float, default=60)
    given = parser.parse_args()
    config = json.loads((given.run / "checkpoints" / "best" / "config.json").read_text())
    if any(config[key] != value for key, value in vars(SHAPE).items()):
        raise SystemExit(f"{given.run} is not of the base shape")
    trained = json.loads((given.run / "results.json").read_text())["train"]
    here = 1e9 * trained["gflop_per_second"]
    # A side of the contrast holds a sentence of each of two pairs: as many tokens as a pair.
    parts = {
        "masked LM": language_model(BLOCK_TOKENS),
        "translation LM": language_model(given.pair_tokens),
        "contrast": contrast(given.pair_tokens),
    }
    total = UPDATES * sum(parts.values())
    for name, flops in parts.items():
        print(f"{name}: {flops / 1e12:,.0f} TFLOP an update")
    years = total / here / 86_400 / 365
    print(
        f"An estimate: {total:.1e} operations in {UPDATES:,} updates; {years:,.0f} years at the "
        f"{here / 1e9:,.0f} GFLOP/s of {given.run}; "
        f"{total / (GPU * GPUS) / 86_400:,.0f} days on {GPUS} GPUs of {GPU / 1e12:.0f} TFLOP/s."
    )


if __name__ == "__main__":
    main()
