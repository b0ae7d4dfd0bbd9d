"""Put a random classification head on an encoder, so that both frameworks start from one model.

    python initial_model.py --encoder ENCODER --out INITIAL --seed 42

ENCODER is a folder in transformers' format without a classifier (``infoxlm convert
direction=to_torch`` writes one); INITIAL is the same folder with ``classifier.*`` drawn by
NumPy from the seed: normal with standard deviation 0.02, biases zero, as BERT and its
descendants do it.
"""

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

LABELS = ("entailment", "neutral", "contradiction")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--encoder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    arguments = parser.parse_args()

    config = json.loads((arguments.encoder / "config.json").read_text())
    hidden = config["hidden_size"]
    draw = np.random.default_rng(arguments.seed).normal
    state = load_file(arguments.encoder / "model.safetensors")
    state["classifier.dense.weight"] = draw(0, 0.02, (hidden, hidden)).astype(np.float32)
    state["classifier.dense.bias"] = np.zeros(hidden, np.float32)
    state["classifier.out_proj.weight"] = draw(0, 0.02, (len(LABELS), hidden)).astype(np.float32)
    state["classifier.out_proj.bias"] = np.zeros(len(LABELS), np.float32)

    arguments.out.mkdir(parents=True, exist_ok=True)
    save_file(state, arguments.out / "model.safetensors", metadata={"format": "pt"})
    config["architectures"] = ["XLMRobertaForSequenceClassification"]
    config["id2label"] = dict(enumerate(LABELS))
    config["label2id"] = {label: i for i, label in enumerate(LABELS)}
    (arguments.out / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    for name in ("sentencepiece.bpe.model", "tokenizer_config.json"):
        shutil.copy(arguments.encoder / name, arguments.out / name)


if __name__ == "__main__":
    main()
