"""Names that everything shares: languages, labels, special tokens."""

#: The fifteen languages of XNLI (Conneau et al. 2018), in the order of every table.
LANGUAGES = (
    "ar", "bg", "de", "el", "en", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh",
)  # fmt: skip

#: Label ids inside the library; files and checkpoints carry the words.
LABELS = ("entailment", "neutral", "contradiction")

#: Special tokens of XLM-R: fairseq puts these four before sentencepiece's own pieces.
BOS_ID, PAD_ID, EOS_ID, UNK_ID = 0, 1, 2, 3

#: What the encoder's tensors are called in a model that has a head.
ENCODER_PREFIX = "roberta."

#: Position ids start behind the padding id, so 514 rows hold 512 tokens.
MAX_LENGTH = 512
