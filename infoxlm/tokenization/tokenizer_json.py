"""``tokenizer.json``, the one file of a fast tokenizer, which is plain JSON.

It holds the same vocabulary as a SentencePiece model and says step by step how texts are taken
apart. Two ways of saying it give XLM-R's ids: that of XLM-R's own file and of transformers 5
(words are split at white space), and that of transformers 4, which converted a SentencePiece
model (spaces become ``▁``). They differ in one place only, see `TokenizerJson.keeps_spaces`.
"""

from dataclasses import dataclass
from typing import Any

from infoxlm.tokenization.added_tokens import AddedToken
from infoxlm.tokenization.sentencepiece_model import META_SPACE, Unigram

TOKENIZER_JSON = "tokenizer.json"

#: The pieces before and behind a vocabulary's own, in fairseq's order.
FIRST_PIECES = ("<s>", "<pad>", "</s>", "<unk>")
LAST_PIECE = "<mask>"

SINGLE = ("<s>", "A", "</s>")
PAIR = ("<s>", "A", "</s>", "</s>", "B", "</s>")

#: What transformers 4 puts behind the table of characters when it converts a SentencePiece model.
TRIM = {"type": "Strip", "strip_left": False, "strip_right": True}
MERGE_SPACES = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": META_SPACE}
ONE_SPACE = {**MERGE_SPACES, "content": " "}
#: What may follow the table without changing ids: where spaces become ``▁``, and where words are
#: split at white space.
TIDYING: dict[bool, list[list[dict[str, Any]]]] = {
    True: [[TRIM, MERGE_SPACES]],
    False: [[], [ONE_SPACE], [TRIM], [TRIM, ONE_SPACE]],
}
SPLIT_WORDS = {"type": "WhitespaceSplit"}
SPLIT_SPACES = {
    "type": "Metaspace",
    "replacement": META_SPACE,
    "prepend_scheme": "always",
    "split": True,
}


@dataclass(frozen=True)
class TokenizerJson:
    """The contents of a ``tokenizer.json``.

    Attributes:
        unigram: The vocabulary.
        added_tokens: All added tokens; XLM-R's own special ones are among them.
        keeps_spaces: Whether a space before an added token in the normalised text is a token of
            its own (``▁``): so in files that transformers 4 converted from a SentencePiece model.
    """

    unigram: Unigram
    added_tokens: tuple[AddedToken, ...]
    keeps_spaces: bool
