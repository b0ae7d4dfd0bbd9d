"""How much of the gap of Hindi and Urdu comes from rows that are not in their script."""

from pathlib import Path

import numpy as np

from infoxlm.data.scripts import rows_in_script
from infoxlm.evaluate.intervals import bootstrap_means
from infoxlm.evaluate.predictions import Predictions

LANGUAGES = ("hi", "ur")


def read_rows(path: Path) -> list[list[str]]:
    """Premise, hypothesis and label of each row of a TSV with a header."""
    if not path.exists():
        raise SystemExit(f"{path} does not exist")
    with path.open(encoding="utf-8") as lines:
        return [line.rstrip("\n").split("\t") for line in lines][1:]


def script_masks(xnli_root: Path) -> dict[str, np.ndarray]:
    """By language, which rows of the test set have both sides in its script."""
    masks = {}
    for language in LANGUAGES:
        rows = read_rows(xnli_root / "test" / f"{language}.tsv")
        masks[language] = rows_in_script(
            language, *([row[side] for row in rows] for side in (0, 1))
        )
    return masks


def right(run: Predictions, language: str) -> tuple[np.ndarray, np.ndarray]:
    """Which rows a run got right in a language, and their numbers, by number."""
    places = np.flatnonzero(run.languages == language)
    places = places[np.argsort(run.rows[places])]
    return run.values["accuracy"][places], run.rows[places]


def script_gap(runs: list[Predictions], language: str, in_script: np.ndarray) -> dict:
    """What rows in another script add to a language's gap to English.

    English answers the same rows, whose scripts do not differ there: what makes them harder or
    easier in any language does not count.

    Args:
        runs: Of each seed.
        language: The language.
        in_script: Of each row of the test set, whether both sides are in the language's script.

    Returns:
        ``rows`` in another script, accuracies of both parts in the language and in English, the
        ``gap`` to English, and ``added`` to it with its 95 % interval over rows.
    """
    own = np.array([right(run, language)[0] for run in runs])
    english = np.array([right(run, "en")[0] for run in runs])
    rows = right(runs[0], language)[1]
    mask = in_script[rows]
    gaps = (english - own).mean(axis=0)
    samples = bootstrap_means(
        np.concatenate([gaps, gaps[mask]]),
        clusters=np.concatenate([rows, rows[mask]]),
        groups=np.repeat([0, 1], [len(rows), int(mask.sum())]),
    )
    return {
        "rows": int((~mask).sum()),
        "in_script": float(own[:, mask].mean()),
        "other": float(own[:, ~mask].mean()),
        "english_in_script": float(english[:, mask].mean()),
        "english_other": float(english[:, ~mask].mean()),
        "gap": float(gaps.mean()),
        "added": float(gaps.mean() - gaps[mask].mean()),
        "interval": np.quantile(samples[:, 0] - samples[:, 1], [0.025, 0.975]).tolist(),
    }
