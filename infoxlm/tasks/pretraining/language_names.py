"""Languages in the names of files, told apart from endings and words of the same form."""

import re
from pathlib import Path

from infoxlm.data.gzip_file import GZIP
from infoxlm.schema.checks import is_language_code

#: The two-letter codes of ISO 639-1. Other two letters at the end of a name, as in README.md, name
#: no language.
ISO_639_1 = frozenset((
    "aa", "ab", "ae", "af", "ak", "am", "an", "ar", "as", "av", "ay", "az", "ba", "be", "bg", "bi",
    "bm", "bn", "bo", "br", "bs", "ca", "ce", "ch", "co", "cr", "cs", "cu", "cv", "cy", "da", "de",
    "dv", "dz", "ee", "el", "en", "eo", "es", "et", "eu", "fa", "ff", "fi", "fj", "fo", "fr", "fy",
    "ga", "gd", "gl", "gn", "gu", "gv", "ha", "he", "hi", "ho", "hr", "ht", "hu", "hy", "hz", "ia",
    "id", "ie", "ig", "ii", "ik", "io", "is", "it", "iu", "ja", "jv", "ka", "kg", "ki", "kj", "kk",
    "kl", "km", "kn", "ko", "kr", "ks", "ku", "kv", "kw", "ky", "la", "lb", "lg", "li", "ln", "lo",
    "lt", "lu", "lv", "mg", "mh", "mi", "mk", "ml", "mn", "mr", "ms", "mt", "my", "na", "nb", "nd",
    "ne", "ng", "nl", "nn", "no", "nr", "nv", "ny", "oc", "oj", "om", "or", "os", "pa", "pi", "pl",
    "ps", "pt", "qu", "rm", "rn", "ro", "ru", "rw", "sa", "sc", "sd", "se", "sg", "si", "sk", "sl",
    "sm", "sn", "so", "sq", "sr", "ss", "st", "su", "sv", "sw", "ta", "te", "tg", "th", "ti", "tk",
    "tl", "tn", "to", "tr", "ts", "tt", "tw", "ty", "ug", "uk", "ur", "uz", "ve", "vi", "vo", "wa",
    "wo", "xh", "yi", "yo", "za", "zh", "zu",
))  # fmt: skip

_CODE = r"[a-z]{2,3}(?:[-_][A-Z][a-z]{3})?(?:[-_](?:[A-Z]{2}|[0-9]{3}))?"

#: Two codes at the end of a name, such as `Tatoeba.de-en`.
_PAIR = re.compile(rf"(?:^|[._-])({_CODE})-({_CODE})$")

#: Parts of names that have the form of a three-letter code.
_WORDS = ("all", "csv", "dev", "net", "new", "old", "org", "out", "raw", "src", "tmp", "txt", "web")

TEXT = ".txt"


def bare_name(file: Path) -> Path:
    """The name of a file without `.gz`."""
    return file.with_suffix("") if file.suffix.lower() == GZIP else file


def language_of(file: Path) -> str | None:
    """The language of a file of lines: its ending, or the name or folder of a `.txt`."""
    bare = bare_name(file)
    stem, ending = bare.stem, bare.suffix[1:]
    if bare.suffix != TEXT:
        return ending if _is_known(ending) or ending in (pair_in(stem) or ()) else None
    parts = (stem, stem.rpartition(".")[2], bare.parent.name)
    return next(filter(_is_known, parts), None) or next(filter(_may_be_language, parts), None)


def pair_in(stem: str) -> tuple[str, str] | None:
    """The two languages that a name ends in, such as those of `Tatoeba.de-en`."""
    found = _PAIR.search(stem)
    if found and found[1] != found[2] and all(map(_may_be_language, found.groups())):
        return found[1], found[2]
    return None


def pair_in_header(line: str) -> tuple[str, str] | None:
    """The two languages that the first line of a table names, if it does nothing else."""
    first, _, second = (word.strip('"') for word in line.rstrip("\r\n").partition("\t"))
    if is_language_code(first) and is_language_code(second) and first != second:
        return first, second
    return None


def _is_known(word: str) -> bool:
    """Tell whether a word cannot but be a language: two letters of ISO's, or a script or region."""
    base, *more = re.split("[-_]", word)
    return is_language_code(word) and (base in ISO_639_1 or (len(base) == 3 and bool(more)))


def _may_be_language(word: str) -> bool:
    """Tell whether a word is a language where one is expected: known, or three letters."""
    return _is_known(word) or (len(word) == 3 and is_language_code(word) and word not in _WORDS)
