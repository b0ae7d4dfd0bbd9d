"""The script of a language, and whether a text is written in it."""

import unicodedata
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

#: The first words of the Unicode names of a script's letters, by ISO 15924's code.
_NAMES = {
    "Arab": ("ARABIC",),
    "Armn": ("ARMENIAN",),
    "Beng": ("BENGALI",),
    "Cyrl": ("CYRILLIC",),
    "Deva": ("DEVANAGARI",),
    "Ethi": ("ETHIOPIC",),
    "Geor": ("GEORGIAN",),
    "Grek": ("GREEK",),
    "Gujr": ("GUJARATI",),
    "Guru": ("GURMUKHI",),
    "Hans": ("CJK",),
    "Hant": ("CJK",),
    "Hebr": ("HEBREW",),
    "Jpan": ("CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"),
    "Khmr": ("KHMER",),
    "Knda": ("KANNADA",),
    "Kore": ("HANGUL", "CJK"),
    "Laoo": ("LAO",),
    "Latn": ("LATIN",),
    "Mlym": ("MALAYALAM",),
    "Mymr": ("MYANMAR",),
    "Orya": ("ORIYA",),
    "Sinh": ("SINHALA",),
    "Taml": ("TAMIL",),
    "Telu": ("TELUGU",),
    "Thai": ("THAI",),
}

#: The usual scripts of XLM-R's languages that are not written in Latin letters. Those that are
#: usual in two scripts, such as Serbian, are left out: a code may name it, as sr-Cyrl does.
_USUAL = {
    "Arab": "ar fa ps sd ug ur",
    "Armn": "hy",
    "Beng": "as bn",
    "Cyrl": "be bg kk ky mk mn ru uk",
    "Deva": "hi mr ne sa",
    "Ethi": "am",
    "Geor": "ka",
    "Grek": "el",
    "Gujr": "gu",
    "Guru": "pa",
    "Hans": "zh",
    "Hebr": "he yi",
    "Jpan": "ja",
    "Khmr": "km",
    "Knda": "kn",
    "Kore": "ko",
    "Laoo": "lo",
    "Latn": "af br ca cs cy da de en eo es et eu fi fr fy ga gd gl ha hr hu id is it jv la lt lv "
    "mg ms nl no om pl pt ro sk sl so sq su sv sw tl tr vi xh",
    "Mlym": "ml",
    "Mymr": "my",
    "Orya": "or",
    "Sinh": "si",
    "Taml": "ta",
    "Telu": "te",
    "Thai": "th",
}
_SCRIPTS = {code: script for script, codes in _USUAL.items() for code in codes.split()}

#: The least share of a text's letters that are of the script it is written in. A transcribed text
#: has none of them; one that is full of foreign names still has more than this.
_LEAST = 0.1


def script_of(language: str) -> str | None:
    """The script of a language, as ISO 15924 has it; None where that is not known.

    Args:
        language: Its code; one that names a script, such as sr-Cyrl, says it itself.
    """
    first, *others = language.replace("_", "-").split("-")
    named = next((part for part in others if part in _NAMES), None)
    return named or _SCRIPTS.get(first)


def written_in(script: str, text: str) -> bool:
    """Tell whether a text is written in a script, by the share of its letters.

    Args:
        script: As `script_of` gives it.
        text: The text; one without letters is written in any script.
    """
    names = _NAMES[script]
    letters = [first for first in map(_first_word, text) if first is not None]
    return sum(first in names for first in letters) >= _LEAST * len(letters)


def rows_in_script(language: str, *texts: Sequence[str]) -> np.ndarray:
    """Which rows are written in the language's script, each of their texts.

    Args:
        language: The language's code.
        texts: Of each field the texts of all rows.

    Returns:
        bool `[rows]`; all, where the script is not known.
    """
    script = script_of(language)
    if script is None:
        return np.ones(len(texts[0]), bool)
    rows = zip(*texts, strict=True)
    return np.array([all(written_in(script, text) for text in row) for row in rows], bool)


@lru_cache(maxsize=1 << 16)
def _first_word(character: str) -> str | None:
    """The first word of a letter's or mark's name, which is its script's; None: it is neither."""
    if unicodedata.category(character)[0] not in "LM":
        return None
    return unicodedata.name(character, "").split(" ")[0]
