"""Ids, logits and vectors of a model folder by the installed transformers; needs no infoxlm.

python theirs.py FOLDER --xnli_root XNLI --out OUT.npz [--tokenizer slow] [--ids_only]

FOLDER holds a fine-tuned model; XNLI has dev/LANGUAGE.tsv. Where they are installed,
sentence-transformers and ctranslate2 are asked for the same texts' vectors.
"""

import argparse
import importlib.util
import os
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np

LANGUAGES = (
    "ar", "bg", "de", "el", "en", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh",
)  # fmt: skip
#: Pairs of each language whose logits are compared, all others give ids alone.
SCORED = 4
MAX_LENGTH = 128


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--xnli_root", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tokenizer", choices=["fast", "slow"], default="fast")
    parser.add_argument("--ids_only", action="store_true")
    options = parser.parse_args()
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"
    from transformers import AutoTokenizer

    slow = {"use_fast": False} if options.tokenizer == "slow" else {}
    tokenizer = AutoTokenizer.from_pretrained(options.folder, **slow)
    found = {"packages": packages(), **ids_by_language(tokenizer, options.xnli_root)}
    if not options.ids_only:
        found["logits"] = logits(options.folder, tokenizer, scored_pairs(options.xnli_root))
        found |= vectors(options.folder, scored_pairs(options.xnli_root))
    np.savez(options.out, **found)


def packages() -> str:
    """The versions that take part."""
    names = ("transformers", "tokenizers", "sentencepiece", "sentence-transformers", "ctranslate2")
    here = (name for name in names if importlib.util.find_spec(name.replace("-", "_")))
    return ", ".join(f"{name} {version(name)}" for name in here)


def read_pairs(root: Path, language: str) -> list[tuple[str, str]]:
    """Premises and hypotheses of a dev file."""
    lines = (root / "dev" / f"{language}.tsv").read_text(encoding="utf-8").rstrip("\n").split("\n")
    return [(line.split("\t")[0], line.split("\t")[1]) for line in lines[1:]]


def scored_pairs(root: Path) -> list[tuple[str, str]]:
    """The first pairs of each language."""
    return [pair for language in LANGUAGES for pair in read_pairs(root, language)[:SCORED]]


def ids_by_language(tokenizer, root: Path) -> dict[str, np.ndarray]:
    """All ids of a language end to end, and where each pair ends."""
    found = {}
    for language in LANGUAGES:
        premises, hypotheses = map(list, zip(*read_pairs(root, language), strict=True))
        rows = tokenizer(premises, hypotheses, truncation=True, max_length=MAX_LENGTH)["input_ids"]
        found[f"ids_{language}"] = np.concatenate(rows).astype(np.int32)
        found[f"ends_{language}"] = np.cumsum([len(row) for row in rows])
    return found


def logits(folder: Path, tokenizer, pairs: list[tuple[str, str]]) -> np.ndarray:
    """The classifier's logits, one pair at a time."""
    import torch
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(folder, torch_dtype=torch.float32)
    model.eval()
    with torch.no_grad():
        return np.concatenate([
            model(**tokenizer(*pair, return_tensors="pt", truncation=True, max_length=MAX_LENGTH))
            .logits.numpy()
            for pair in pairs
        ])  # fmt: skip


def vectors(folder: Path, pairs: list[tuple[str, str]]) -> dict[str, np.ndarray]:
    """Means of the last hidden states of the premises, by the other libraries."""
    found = {}
    texts = [premise for premise, _ in pairs]
    if importlib.util.find_spec("sentence_transformers"):
        from sentence_transformers import SentenceTransformer

        # A folder without modules.json is read as a transformer with mean pooling.
        found["sentence_transformers"] = SentenceTransformer(str(folder)).encode(texts)
    if importlib.util.find_spec("ctranslate2"):
        found["ctranslate2"] = ctranslate2_vectors(folder, texts)
    return found


def ctranslate2_vectors(folder: Path, texts: list[str]) -> np.ndarray:
    """The same by ctranslate2, which takes tokens and has converted weights."""
    import ctranslate2
    from transformers import AutoTokenizer

    with tempfile.TemporaryDirectory() as temporary:
        target = Path(temporary) / "model"
        ctranslate2.converters.TransformersConverter(str(folder)).convert(str(target))
        encoder = ctranslate2.Encoder(str(target), device="cpu", compute_type="float32")
        tokenizer = AutoTokenizer.from_pretrained(folder)
        means = []
        for text in texts:
            tokens = tokenizer.convert_ids_to_tokens(tokenizer(text)["input_ids"])
            output = encoder.forward_batch([tokens]).last_hidden_state
            means.append(np.array(output)[0].mean(axis=0))
    return np.stack(means)


if __name__ == "__main__":
    main()
