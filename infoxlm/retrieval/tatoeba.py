"""Tatoeba's test set for sentence retrieval: two files a language, aligned line by line."""

from dataclasses import dataclass
from pathlib import Path

from infoxlm.data.text_encoding import START, check_encoding
from infoxlm.errors import UserError
from infoxlm.files.regular_file import read_regular

#: LASER's folder of the files (Artetxe & Schwenk 2019, arXiv 1812.10464).
PUBLISHED = "github.com/facebookresearch/LASER, data/tatoeba/v1"

#: The files' codes (ISO 639-3) of languages whose codes have two letters elsewhere; the first line
#: is XNLI's, the next ones the others of XTREME (Hu et al. 2020), the last ones more of LASER's.
CODES = {
    "ar": "ara", "bg": "bul", "de": "deu", "el": "ell", "es": "spa", "fr": "fra", "hi": "hin",
    "ru": "rus", "sw": "swh", "th": "tha", "tr": "tur", "ur": "urd", "vi": "vie", "zh": "cmn",
    "af": "afr", "bn": "ben", "et": "est", "eu": "eus", "fa": "pes", "fi": "fin", "he": "heb",
    "hu": "hun", "id": "ind", "it": "ita", "ja": "jpn", "jv": "jav", "ka": "kat", "kk": "kaz",
    "ko": "kor", "ml": "mal", "mr": "mar", "nl": "nld", "pt": "por", "ta": "tam", "te": "tel",
    "tl": "tgl",
    "am": "amh", "az": "aze", "be": "bel", "br": "bre", "bs": "bos", "ca": "cat", "cs": "ces",
    "cy": "cym", "da": "dan", "eo": "epo", "fo": "fao", "fy": "fry", "ga": "gle", "gd": "gla",
    "gl": "glg", "hr": "hrv", "hy": "hye", "is": "isl", "km": "khm", "ku": "kur", "la": "lat",
    "lt": "lit", "lv": "lvs", "mk": "mkd", "mn": "mon", "ms": "zsm", "nb": "nob", "nn": "nno",
    "oc": "oci", "pl": "pol", "ro": "ron", "sk": "slk", "sl": "slv", "sq": "sqi", "sr": "srp",
    "sv": "swe", "tk": "tuk", "tt": "tat", "ug": "uig", "uk": "ukr", "uz": "uzb", "xh": "xho",
    "yi": "yid",
}  # fmt: skip


@dataclass(frozen=True)
class SentencePairs:
    """Sentences of one language and their English translations.

    Attributes:
        language: Its code, as it was asked for.
        sentences: `n` sentences of the language.
        english: `n` English sentences; each language has a file of its own.
        files: The file of the language and the English one.
    """

    language: str
    sentences: list[str]
    english: list[str]
    files: tuple[Path, Path]


def read_pairs(root: str | None, language: str, limit: int | None = None) -> SentencePairs:
    """Read `tatoeba.xxx-eng.xxx` and `tatoeba.xxx-eng.eng`, xxx being Tatoeba's code.

    Args:
        root: The folder that holds the files (`data.root`).
        language: A code of `CODES`, or three letters as the files have them.
        limit: Keep the first so many pairs; None for all.

    Raises:
        UserError: A file is missing, has an empty line or is not UTF-8, or the two have unequal
            numbers of lines.
    """
    remedy = f"Give data.root=FOLDER, that of Tatoeba's files ({PUBLISHED})."
    if root is None:
        raise UserError("data.root is not set", remedy)
    folder, code = Path(root).expanduser(), file_code(language)
    if not folder.is_dir():
        raise UserError(f"data.root={root} is not a folder", remedy)
    files = folder / f"tatoeba.{code}-eng.{code}", folder / f"tatoeba.{code}-eng.eng"
    sentences, english = map(read_sentences, files)
    if len(sentences) != len(english):
        raise UserError(
            f"{files[0]} has {len(sentences):,} lines, {files[1].name} has {len(english):,}",
            "Line by line they must translate each other: copy both again.",
        )
    return SentencePairs(language, sentences[:limit], english[:limit], files)


def file_code(language: str) -> str:
    """Return a language's code in the names of the files.

    Raises:
        UserError: No code of three letters is known for it.
    """
    code = CODES.get(language, language)
    if len(code) != 3:
        raise UserError(
            f"data.languages: it is not known what Tatoeba's files call {language!r}",
            "Give the three letters in their names, such as data.languages=[ron].",
        )
    return code


def read_sentences(file: Path) -> list[str]:
    """Read a file of one sentence a line; only a line feed ends a line.

    Raises:
        UserError: The file is missing or empty, is not UTF-8 or has a line without a sentence.
    """
    try:
        content = read_regular(file)
    except OSError as error:
        raise UserError(
            f"{file} cannot be read: {error.strerror or error}",
            f"Take it from {PUBLISHED}, or leave its language out of data.languages.",
        ) from error
    check_encoding(content[:START], str(file))
    lines = content.removesuffix(b"\n").split(b"\n")
    sentences = []
    for number, line in enumerate(lines, start=1):
        try:
            sentence = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
        except UnicodeDecodeError as error:
            raise UserError(
                f"{file}, line {number}: byte 0x{line[error.start]:02x} is not UTF-8",
                "Save the file as UTF-8.",
            ) from error
        if not sentence:
            raise UserError(
                f"{file} is empty" if len(lines) == 1 else f"{file}, line {number} is empty",
                "Copy it again, or remove the line from both files of the language.",
            )
        sentences.append(sentence)
    return sentences
