"""The same ids, logits and vectors by infoxlm.

python ours.py FOLDER --xnli_root XNLI --out OUT.npz [--ids_only]

FOLDER is anything that holds a tokenizer; without --ids_only, a model folder in Paddle's layout.
"""

import argparse
from pathlib import Path

import numpy as np
from theirs import LANGUAGES, MAX_LENGTH, read_pairs, scored_pairs

from infoxlm import InfoXLMTokenizer, __version__


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--xnli_root", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--ids_only", action="store_true")
    options = parser.parse_args()
    tokenizer = InfoXLMTokenizer.from_pretrained(options.folder)
    found = {"packages": f"infoxlm {__version__}"}
    for language in LANGUAGES:
        premises, hypotheses = zip(*read_pairs(options.xnli_root, language), strict=True)
        rows = tokenizer.encode(premises, hypotheses, max_length=MAX_LENGTH)
        found[f"ids_{language}"] = rows.ids
        found[f"ends_{language}"] = rows.offsets[1:]
    if not options.ids_only:
        found |= model_outputs(options.folder, tokenizer, scored_pairs(options.xnli_root))
    np.savez(options.out, **found)


def model_outputs(
    folder: Path, tokenizer: InfoXLMTokenizer, pairs: list[tuple[str, str]]
) -> dict[str, np.ndarray]:
    """Logits of pairs and means of the premises' last hidden states."""
    import paddle

    from infoxlm import InfoXLMForSequenceClassification

    model = InfoXLMForSequenceClassification.from_pretrained(str(folder))
    model.eval()
    logits, means = [], []
    with paddle.no_grad():
        for premise, hypothesis in pairs:
            row = tokenizer.encode([premise], [hypothesis], max_length=MAX_LENGTH).padded([0])
            logits.append(model(paddle.to_tensor(row)).logits.numpy())
            row = tokenizer.encode([premise], max_length=512).padded([0])
            means.append(model.roberta(paddle.to_tensor(row))[0].numpy()[0].mean(axis=0))
    vectors = np.stack(means)
    return {
        "logits": np.concatenate(logits),
        "sentence_transformers": vectors,
        "ctranslate2": vectors,
    }


if __name__ == "__main__":
    main()
