"""Tatoeba retrieval in plain PyTorch and transformers; shares no code with the package.

    python pytorch_reference.py --model weights/e5_torch --tatoeba $TATOEBA_ROOT --limit 300

Sentences in batches of 32 in the order of the file, mean of the hidden states over the attention
mask, all cosines at once, argmax. Writes accuracies of every layer, direction and language into
reference.json beside this file.
"""

import argparse
import json
from pathlib import Path

import torch
from tqdm import tqdm
from transformers import XLMRobertaModel, XLMRobertaTokenizer

CODES = {
    "ar": "ara", "bg": "bul", "de": "deu", "el": "ell", "es": "spa", "fr": "fra", "hi": "hin",
    "ru": "rus", "sw": "swh", "th": "tha", "tr": "tur", "ur": "urd", "vi": "vie", "zh": "cmn",
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--tatoeba", type=Path, required=True)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--prefix", default="query: ")
    parser.add_argument("--languages", nargs="+", default=list(CODES), choices=CODES)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("reference.json"))
    arguments = parser.parse_args()
    tokenizer = XLMRobertaTokenizer.from_pretrained(arguments.model)
    model = XLMRobertaModel.from_pretrained(arguments.model, add_pooling_layer=False).eval()
    layers: dict[int, dict[str, dict[str, float]]] = {}
    for language in tqdm(arguments.languages):
        code = CODES[language]
        english, other = (
            encode(model, tokenizer, arguments, arguments.tatoeba / f"tatoeba.{code}-eng.{side}")
            for side in ("eng", code)
        )
        aligned = torch.arange(english.shape[1])
        for layer, cosines in enumerate(english @ other.transpose(1, 2)):
            scores = layers.setdefault(layer, {"en_to_xx": {}, "xx_to_en": {}})
            for direction, found in (
                ("en_to_xx", cosines.argmax(1)),
                ("xx_to_en", cosines.argmax(0)),
            ):
                scores[direction][language] = (found == aligned).double().mean().item()
    record = {"prefix": arguments.prefix, "limit": arguments.limit, "layers": layers}
    arguments.out.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    last = layers[max(layers)]["xx_to_en"]
    print("  ".join(f"{language} {100 * share:.1f}" for language, share in last.items()))


@torch.no_grad()
def encode(
    model: XLMRobertaModel,
    tokenizer: XLMRobertaTokenizer,
    arguments: argparse.Namespace,
    file: Path,
) -> torch.Tensor:
    """A file's sentences as vectors of length 1 from every layer, ``[layers, n, hidden]``."""
    with open(file, encoding="utf-8") as lines:
        sentences = [arguments.prefix + line.strip() for line in lines][: arguments.limit]
    parts = []
    for start in range(0, len(sentences), 32):
        batch = tokenizer(
            sentences[start : start + 32],
            padding=True,
            truncation=True,
            max_length=512,
            return_tensors="pt",
        )
        states = torch.stack(model(**batch, output_hidden_states=True).hidden_states)
        mask = batch["attention_mask"][..., None].float()
        parts.append((states * mask).sum(2) / mask.sum(1))
    return torch.nn.functional.normalize(torch.cat(parts, dim=1), dim=-1)


if __name__ == "__main__":
    main()
