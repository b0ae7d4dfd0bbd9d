"""Published figures of sentence retrieval to compare with, and their settings."""

#: Tatoeba sentence retrieval of InfoXLM base without fine-tuning: block 7, mean pooling, cosine.
#: Fractions by language, (English to the language, the language to English). Said there to equal
#: the paper's table.
TATOEBA = {
    "ar": (0.686, 0.591), "bg": (0.787, 0.787), "de": (0.951, 0.939), "el": (0.726, 0.622),
    "es": (0.872, 0.882), "fr": (0.840, 0.794), "hi": (0.883, 0.871), "ru": (0.857, 0.838),
    "sw": (0.408, 0.395), "th": (0.912, 0.850), "tr": (0.847, 0.832), "ur": (0.733, 0.730),
    "vi": (0.920, 0.896), "zh": (0.864, 0.864),
}  # fmt: skip
TATOEBA_AVERAGE = (0.806, 0.778)
TATOEBA_MODEL = "infoxlm_base"
#: Pairs of sentences that the figures are shares of.
TATOEBA_PAIRS = dict.fromkeys(TATOEBA, 1000) | {"sw": 390, "th": 548}
TATOEBA_SOURCE = "experiments/sentence_retrieval of github.com/jiamingkong/infoxlm_paddle"

#: The settings of the figures; other values are named as caveats.
PUBLISHED_SETTINGS = {
    "pooling": "mean",
    "special_tokens": "true",
    "similarity": "cosine",
    "prefix": "",
}
PUBLISHED_LAYER = 7
