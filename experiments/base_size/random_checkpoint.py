"""Write a checkpoint of InfoXLM base's shape and file format, with random weights.

    python random_checkpoint.py --vocabulary FOLDER --out OUT

FOLDER holds XLM-R's sentencepiece.bpe.model. OUT gets what microsoft/infoxlm-base has:
pytorch_model.bin with `roberta.*` and `lm_head.*`, config.json, the vocabulary.
"""

import argparse
import shutil
from pathlib import Path

import torch
from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--vocabulary", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=42)
    arguments = parser.parse_args()

    torch.manual_seed(arguments.seed)
    shape = XLMRobertaConfig(
        vocab_size=250002,
        max_position_embeddings=514,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        architectures=["XLMRobertaForMaskedLM"],
    )
    model = XLMRobertaForMaskedLM(shape)
    arguments.out.mkdir(parents=True, exist_ok=True)
    shape.save_pretrained(arguments.out)
    torch.save(model.state_dict(), arguments.out / "pytorch_model.bin")
    for name in ("sentencepiece.bpe.model", "tokenizer_config.json"):
        shutil.copy(arguments.vocabulary / name, arguments.out / name)


if __name__ == "__main__":
    main()
