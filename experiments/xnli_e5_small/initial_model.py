"""Put a random head on an encoder, so that both frameworks start from one model.

    python initial_model.py --encoder ENCODER --out INITIAL --seed 42
    python initial_model.py --encoder ENCODER --out INITIAL --seed 42 --head question_answering

ENCODER is a folder in transformers' format without a head (``infoxlm convert
direction=to_torch`` writes one); INITIAL is the same folder with ``classifier.*``, or
``qa_outputs.*``, drawn by NumPy from the seed: normal with standard deviation 0.02, biases
zero, as BERT and its descendants do it.
"""

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

LABELS = ("entailment", "neutral", "contradiction")


#: The linear layers of each head; all but the last are as wide as the encoder.
LAYERS = {
    "classification": ("classifier.dense", "classifier.out_proj"),
    "question_answering": ("qa_outputs",),
}
#: The names that transformers gives models with these heads.
ARCHITECTURES = {
    "classification": "XLMRobertaForSequenceClassification",
    "question_answering": "XLMRobertaForQuestionAnswering",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--encoder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--head", choices=list(LAYERS), default="classification")
    arguments = parser.parse_args()

    config = json.loads((arguments.encoder / "config.json").read_text())
    hidden = config["hidden_size"]
    classifies = arguments.head == "classification"
    draw = np.random.default_rng(arguments.seed).normal
    state = load_file(arguments.encoder / "model.safetensors")
    *inner, last = LAYERS[arguments.head]
    widths = {**dict.fromkeys(inner, hidden), last: len(LABELS) if classifies else 2}
    for name, width in widths.items():
        state[f"{name}.weight"] = draw(0, 0.02, (width, hidden)).astype(np.float32)
        state[f"{name}.bias"] = np.zeros(width, np.float32)

    arguments.out.mkdir(parents=True, exist_ok=True)
    save_file(state, arguments.out / "model.safetensors", metadata={"format": "pt"})
    config["architectures"] = [ARCHITECTURES[arguments.head]]
    if classifies:
        config["id2label"] = dict(enumerate(LABELS))
        config["label2id"] = {label: i for i, label in enumerate(LABELS)}
    (arguments.out / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    for name in ("sentencepiece.bpe.model", "tokenizer_config.json"):
        shutil.copy(arguments.encoder / name, arguments.out / name)


if __name__ == "__main__":
    main()
