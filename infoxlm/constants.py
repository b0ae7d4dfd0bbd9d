"""Names that everything shares: languages, labels, special tokens."""

#: The fifteen languages of XNLI (Conneau et al. 2018), in the order of every table.
LANGUAGES = (
    "ar", "bg", "de", "el", "en", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh",
)  # fmt: skip

#: The other languages of XLM-R (Conneau et al. 2020) whose codes have two letters: a file named
#: after one of these is not in a language of XNLI.
OTHER_LANGUAGES = (
    "af", "am", "as", "az", "be", "bn", "br", "bs", "ca", "cs", "cy", "da", "eo", "et", "eu", "fa",
    "fi", "fy", "ga", "gd", "gl", "gu", "ha", "he", "hr", "hu", "hy", "id", "is", "it", "ja", "jv",
    "ka", "kk", "km", "kn", "ko", "ku", "ky", "la", "lo", "lt", "lv", "mg", "mk", "ml", "mn", "mr",
    "ms", "my", "ne", "nl", "no", "om", "or", "pa", "pl", "ps", "pt", "ro", "sa", "sd", "si", "sk",
    "sl", "so", "sq", "sr", "su", "sv", "ta", "te", "tl", "ug", "uk", "uz", "xh", "yi",
)  # fmt: skip

#: What Tatoeba's files (ISO 639-3) call the languages of XNLI other than English.
TATOEBA_CODES = {
    "ar": "ara", "bg": "bul", "de": "deu", "el": "ell", "es": "spa", "fr": "fra", "hi": "hin",
    "ru": "rus", "sw": "swh", "th": "tha", "tr": "tur", "ur": "urd", "vi": "vie", "zh": "cmn",
}  # fmt: skip

#: Label ids inside the library; files and checkpoints carry the words.
LABELS = ("entailment", "neutral", "contradiction")

#: Special tokens of XLM-R: fairseq puts these four before sentencepiece's own pieces.
BOS_ID, PAD_ID, EOS_ID, UNK_ID = 0, 1, 2, 3

#: What the encoder's tensors are called in a model that has a head.
ENCODER_PREFIX = "roberta."

#: Room for two tokens of each text beside the four special ones of a pair.
MIN_LENGTH = 8

#: Position ids start behind the padding id, so 514 rows hold 512 tokens.
MAX_LENGTH = 512

#: The largest that Paddle's LayerNorm takes.
MAX_LAYER_NORM_EPSILON = 0.001
