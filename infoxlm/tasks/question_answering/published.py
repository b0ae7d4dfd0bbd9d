"""Published averages of XQuAD and MLQA, each with the place it was copied from.

They are percent with one decimal, exactly as published, F1 and exact match, of models of base size
that were fine-tuned on SQuAD in English; single languages are not given there. `published` finds
the row that belongs next to a run.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from infoxlm.evaluate.published import Published, reported_split

_XLM_ALIGN = "model card of huggingface.co/microsoft/xlm-align-base"

#: XQuAD's languages at first; its Romanian came later.
XQUAD_LANGUAGES = ("ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh")
MLQA_LANGUAGES = ("ar", "de", "en", "es", "hi", "vi", "zh")
#: Questions a language, the same in dev and test.
XQUAD_EXAMPLES = dict.fromkeys((*XQUAD_LANGUAGES, "ro"), 1190)
#: Questions a language whose contexts are in it as well.
MLQA_EXAMPLES = {
    "dev": dict(zip(MLQA_LANGUAGES, (517, 512, 1148, 500, 507, 511, 504), strict=True)),
    "test": dict(zip(MLQA_LANGUAGES, (5335, 4517, 11590, 5253, 4918, 5495, 5137), strict=True)),
}


def _row(name: str, f1: float, exact_match: float, languages: tuple[str, ...]) -> Published:
    secondary = {"exact_match": exact_match}
    return Published(name, {}, f1, _XLM_ALIGN, languages=languages, secondary=secondary)


#: By data set and model.
ROWS = {
    "xquad": {
        "xlmr_base": _row("XLM-R base", 71.9, 56.4, XQUAD_LANGUAGES),
        "xlm_align_base": _row("XLM-Align base", 74.7, 59.0, XQUAD_LANGUAGES),
    },
    "mlqa": {
        "xlmr_base": _row("XLM-R base", 65.1, 47.2, MLQA_LANGUAGES),
        "xlm_align_base": _row("XLM-Align base", 68.1, 49.8, MLQA_LANGUAGES),
    },
}
TITLES = {"xquad": "XQuAD", "mlqa": "MLQA"}


def published(results: Mapping[str, Any]) -> Published | None:
    """The published row that belongs next to a run, with what stands against comparing them.

    A run whose model has none of its own is shown XLM-R base.

    Args:
        results: What results.json holds: `model` and `data`, and the scores.
    """
    model, data = results["model"], results["data"]
    if data not in ROWS:
        return None
    row = ROWS[data].get(model, ROWS[data]["xlmr_base"])
    caveats = _scored_otherwise(results, row)
    return replace(row, comparable=model in ROWS[data], caveats=tuple(caveats))


def _scored_otherwise(results: Mapping[str, Any], row: Published) -> list[str]:
    """What is different of the model and of the questions that were scored."""
    model, data, split = results["model"], results["data"], reported_split(results) or "test"
    scores = results[split]
    languages, examples = tuple(scores["f1"]), scores.get("examples", {})
    caveats = []
    missing = [language for language in row.languages if language not in languages]
    more = [language for language in languages if language not in row.languages]
    if model not in ROWS[data] and not missing:  # else the row is left out
        caveats.append(f"{model} is another model: not comparable one to one with {row.name}.")
    if missing:
        caveats.append(
            "The published average is over other languages than the scored, and is left out: "
            f"{' '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing."
        )
    elif more:
        caveats.append(
            f"The published average is over {len(row.languages)} languages, without "
            f"{' '.join(more)}: it stands next to ours over the same."
        )
    whole = XQUAD_EXAMPLES if data == "xquad" else MLQA_EXAMPLES[split]
    fewer = {
        language: f"{examples[language]:,} of {whole[language]:,}"
        for language in languages
        if language in whole and examples.get(language, whole[language]) < whole[language]
    }
    if len(fewer) == len(languages) > 1 and len(set(fewer.values())) == 1:
        fewer = {"each language": fewer[languages[0]]}
    if fewer:
        counts = ", ".join(f"{count} in {language}" for language, count in fewer.items())
        caveats.append(f"Not all of {TITLES[data]}'s questions were scored: {counts}.")
    if data == "mlqa" and split == "dev":
        caveats.append("These are dev scores; the published are of MLQA's test set.")
    if _is_chosen_by_test(results):
        caveats.append(
            "The checkpoint was chosen by the same questions, as XQuAD is dev and test alike; "
            "data.dev_root=FILE gives another dev."
        )
    if scores.get("rules") not in (None, _OWN_RULES[data]):
        caveats.append(f"Scored by other rules than {TITLES[data]}'s.")
    return caveats


#: The rules that the published figures were scored by.
_OWN_RULES = {"xquad": "squad", "mlqa": "mlqa"}


def _is_chosen_by_test(results: Mapping[str, Any]) -> bool:
    """Whether the best checkpoint is the one that scored best on what is reported."""
    settings = results.get("settings") or {}
    return (
        results["data"] == "xquad"
        and results.get("best_step") is not None
        and settings.get("data.dev_root", "null") == "null"  # settings are as they are typed
    )
