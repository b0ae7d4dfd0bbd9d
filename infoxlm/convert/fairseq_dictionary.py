"""fairseq's dictionary, which numbers the tokens; it has to be the sentencepiece model's order."""

from pathlib import Path

from infoxlm.errors import UserError
from infoxlm.files.regular_file import read_regular
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

DICTIONARY = "dict.txt"

#: The first id of the dictionary: fairseq puts its own four special tokens in front.
FIRST_ID = 4

#: fairseq's mark of a word that replaces a special token; it counts like any other here.
OVERWRITE = " #fairseq:overwrite"


def check_dictionary(folder: Path, tokenizer: InfoXLMTokenizer) -> None:
    """Check that a dictionary numbers tokens as the tokenizer next to it does.

    Args:
        folder: The folder of both.
        tokenizer: The tokenizer.

    Raises:
        UserError: There is no dictionary, it is damaged, or it has other tokens or another order.
    """
    path = folder / DICTIONARY
    words = read_dictionary(path)
    pieces = tokenizer.tokens(range(FIRST_ID, tokenizer.vocab_size - 1))  # the last is <mask>
    if words[: len(pieces)] != pieces:
        pairs = zip(words, pieces, strict=False)
        place = next((i for i, (one, other) in enumerate(pairs) if one != other), len(words))
        found = repr(words[place]) if place < len(words) else "nothing"
        raise UserError(
            f"{path} line {place + 1} has {found}, sentencepiece.bpe.model has "
            f"{pieces[place]!r} there",
            "Give the two files that the model was trained with.",
        )
    if len(words) > len(pieces):
        raise UserError(
            f"{path} has {len(words)} tokens, sentencepiece.bpe.model {len(pieces)}: <mask> would "
            "get the id of another token",
            "Give the two files that the model was trained with.",
        )


def read_dictionary(path: Path) -> list[str]:
    """The tokens of a dictionary in their order; its lines are a token and a count.

    Raises:
        UserError: It is missing or damaged.
    """
    try:
        lines = read_regular(path).decode("utf-8").removesuffix("\n").split("\n")
    except OSError as error:
        raise UserError(
            f"{path} cannot be read: {error.strerror}",
            "Put the dictionary that belongs to the model next to it.",
        ) from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8", "Fetch it again.") from error
    words = []
    for number, line in enumerate(lines):
        word, space, count = line.removesuffix(OVERWRITE).rpartition(" ")
        if not space or not count.isdecimal():
            raise UserError(
                f"{path} line {number + 1} is no token with a count: {line[:80]!r}",
                "Fetch it again.",
            )
        words.append(word)
    return words
