"""Published accuracies of XNLI and PAWS-X, each row with the place it was copied from.

They are percent with one decimal, exactly as published; everything this project measures is a
fraction. `published` finds the row that belongs next to a run.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from infoxlm.evaluate.published import Published, reported_split
from infoxlm.evaluate.scores import ENGLISH

_SEED = "README of github.com/jiamingkong/infoxlm_paddle"
_ERNIE_M = "model_zoo/ernie-m/README.md of github.com/PaddlePaddle/PaddleNLP"
_XLM_ALIGN = "model card of huggingface.co/microsoft/xlm-align-base"

#: Rows a language in XNLI's files, all of which the published figures are averages over.
XNLI_EXAMPLES = {"dev": 2490, "test": 5010}
#: The same of PAWS-X.
PAWSX_EXAMPLES = {"dev": 2000, "test": 2000}
#: Pairs a language that the published models were fine-tuned on.
XNLI_TRAINING = 392_702
PAWSX_TRAINING = 49_401
#: Most rows that PAWS-X leaves untranslated in a language (German dev: 68), and some to spare.
PAWSX_UNTRANSLATED = 75

_XNLI = ["ar", "bg", "de", "el", "en", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh"]
_PAWSX = ("de", "en", "es", "fr", "ja", "ko", "zh")


def _row(name: str, figures: str, average: float, source: str) -> Published:
    values = dict(zip(_XNLI, map(float, figures.split()), strict=True))
    return Published(name, values, average, source)


#: Fine-tuned on English only, tested in every language ("cross-lingual transfer").
#:                 ar   bg   de   el   en   es   fr   hi   ru   sw   th   tr   ur   vi   zh
CROSS_LINGUAL_TRANSFER = {
    "infoxlm_base": _row(
        "InfoXLM base, paper (v2)",
        "74.2 79.3 79.3 77.8 86.4 80.9 80.3 72.2 77.6 67.5 74.6 75.6 67.3 77.1 77.0",
        76.5,
        f'{_SEED}, column "Original Paper"',
    ),
    "infoxlm_base_v1": _row(
        "InfoXLM base, paper (v1)",
        "74.0 78.9 78.9 77.8 86.4 80.8 80.6 72.0 77.6 66.4 73.7 75.6 67.1 77.0 76.7",
        76.2,
        _ERNIE_M,
    ),
    "infoxlm_base_paddle": _row(
        "InfoXLM base, infoxlm_paddle (batch 32)",
        "73.1 78.7 78.1 77.1 85.4 80.5 79.9 71.1 76.8 67.4 74.1 75.0 66.8 75.8 76.0",
        75.7,
        f'{_SEED}, column "Paddle Version"; it prints 0.760 as the average, the rows give 0.757',
    ),
    "infoxlm_large": _row(
        "InfoXLM large, paper",
        "80.4 84.2 84.1 83.4 89.7 85.5 84.5 77.9 81.3 74.8 78.9 80.9 73.7 80.8 80.9",
        81.4,
        _ERNIE_M,
    ),
    "xlmr_base": _row(
        "XLM-R base",
        "73.8 79.6 78.7 77.5 85.8 80.7 79.7 72.4 78.1 66.5 74.6 74.2 68.3 76.5 76.7",
        76.2,
        _ERNIE_M,
    ),
    "xlmr_large": _row(
        "XLM-R large",
        "79.8 84.0 83.9 82.9 89.1 85.1 84.1 76.9 81.2 73.9 78.1 79.6 73.8 80.8 80.2",
        80.9,
        _ERNIE_M,
    ),
}

#: Fine-tuned on all fifteen languages ("translate-train-all").
TRANSLATE_TRAIN_ALL = {
    "infoxlm_base": _row(
        "InfoXLM base, paper, translate-train-all",
        "78.8 82.0 81.8 80.9 86.1 82.8 82.0 77.4 80.2 73.0 78.3 79.0 71.6 80.5 80.5",
        79.7,
        _ERNIE_M,
    ),
}

#: PAWS-X, fine-tuned on English only; its single languages are not given there.
PAWSX = {
    "xlmr_base": Published("XLM-R base", {}, 84.9, _XLM_ALIGN, languages=_PAWSX),
    "xlm_align_base": Published("XLM-Align base", {}, 86.8, _XLM_ALIGN, languages=_PAWSX),
}


def published(results: Mapping[str, Any]) -> Published | None:
    """The published row that belongs next to a run, with what stands against comparing them.

    Without a row of its own, a run is shown InfoXLM base of its training setting, or for PAWS-X
    XLM-R base.

    Args:
        results: The content of results.json: `model` and `data`, and the scores.
    """
    model, data = results["model"], results["data"]
    if data == "pawsx":
        row, same_model = PAWSX.get(model, PAWSX["xlmr_base"]), model in PAWSX
        return _described(row, results, same_model, "PAWS-X", PAWSX_EXAMPLES, PAWSX_TRAINING)
    if data == "pairs" or _classes(results) not in (3, None):
        return None  # labels of one's own: no row is of them
    rows = TRANSLATE_TRAIN_ALL if data == "translate_train" else CROSS_LINGUAL_TRANSFER
    row, same_model = rows.get(model, rows["infoxlm_base"]), model in rows
    training = XNLI_TRAINING * (len(_XNLI) if data == "translate_train" else 1)
    return _described(row, results, same_model, "XNLI", XNLI_EXAMPLES, training)


def _described(
    row: Published,
    results: Mapping[str, Any],
    same_model: bool,
    corpus: str,
    rows: Mapping[str, int],
    training: int,
) -> Published:
    """A row, with whether it is of the run's model and data and what stands against comparing."""
    split = reported_split(results) or "test"
    scores = results[split]
    examples = scores.get("examples", {})
    languages = tuple(scores["accuracy"])
    same_data = results["data"] in ("xnli", "translate_train", "pawsx")
    caveats = []
    if not same_model:
        caveats.append(
            f"{results['model']} is another model: not comparable one to one with {row.name}."
        )
    if not same_data:
        caveats.append(f"{results['data']} is other data than {corpus}, which the paper used.")
    else:
        trained = (results.get("train") or {}).get("examples")
        if trained is not None and trained < training:
            caveats.append(f"Trained on {trained:,} of {training:,} pairs.")
        if examples and max(examples.values()) < rows[split]:
            caveats.append(_fewer_rows(examples.values(), rows[split], corpus))
    if split == "dev":
        caveats.append("These are dev scores; the paper's are test scores.")
    if row.average_over(languages) is None:
        caveats.append("The paper's average is not over the languages scored, and is left out.")
    elif row.values and len(languages) < len(row.values):
        caveats.append(_fewer_languages(languages))
    return replace(row, comparable=same_model and same_data, caveats=tuple(caveats))


def _fewer_languages(languages: Collection[str]) -> str:
    """A note that not every language was scored; a gap is there of English and others."""
    if len(languages) == 1:
        return f"The average is that of {next(iter(languages))} alone, the paper's as well."
    figures = "Average and gap are" if ENGLISH in languages else "The average is"
    return f"{figures} over the {len(languages)} languages scored, the paper's as well."


def _fewer_rows(examples: Collection[int], rows: int, corpus: str) -> str:
    """A note that not every row was scored, and why where it is known."""
    fewest, most = min(examples), max(examples)
    if corpus != "PAWS-X" or rows - fewest > PAWSX_UNTRANSLATED:
        return f"Scored on {most:,} of the {rows:,} rows a language."
    scored = f"{most:,}" if fewest == most else f"{fewest:,} to {most:,}"
    return (
        f"Scored on {scored} of the {rows:,} rows a language: rows without both sentences are "
        "left out."
    )


def _classes(results: Mapping[str, Any]) -> int | None:
    """Number of a run's classes; None where it is not recorded."""
    confusion = results[reported_split(results) or "test"].get("confusion") or {}
    return len(confusion["all"]) if "all" in confusion else None
