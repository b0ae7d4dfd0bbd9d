"""Texts cut at added tokens.

The cutting is that of the `tokenizers` library, which fast tokenizers of transformers use: first
at the tokens that stand in the text as it is, then, in what remains, at those that stand in the
normalised text; at each place the longest token counts.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator

from infoxlm.tokenization.added_tokens import AddedToken
from infoxlm.tokenization.sentencepiece_model import META_SPACE

#: Rust's White_Space; Python's `str.isspace` counts U+001C to U+001F as well.
WHITE_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
#: Letters in circles and squares, which Unicode counts as alphabetic, but as symbols too.
ENCLOSED_LETTERS = (
    range(0x24B6, 0x24EA),
    range(0x1F130, 0x1F14A),
    range(0x1F150, 0x1F16A),
    range(0x1F170, 0x1F18A),
)
WORD_CATEGORIES = ("Nd", "Nl", "Pc")
JOINERS = "\u200c\u200d"


class AddedTokenSplitter:
    """Cuts texts at added tokens.

    Args:
        tokens: The tokens.
        normalize: The vocabulary's normaliser, which keeps all spaces.
        space_id: The id that stands for the space before a token found in the normalised text;
            None where that space stands for nothing.

    Attributes:
        normalizes: Whether what lies between the tokens comes out normalised.

    Raises:
        ValueError: Normalisation leaves nothing of a token, or makes two of them equal.
    """

    def __init__(
        self,
        tokens: Iterable[AddedToken],
        normalize: Callable[[str], str],
        space_id: int | None = None,
    ) -> None:
        tokens = tuple(tokens)
        self._normalize = normalize
        self._space_id = space_id
        self._plain = _Pattern({t.content: t for t in tokens if not t.normalized})
        normalized = self._by_normalized_content(t for t in tokens if t.normalized)
        self._in_normalized = _Pattern(normalized)
        self.normalizes = bool(normalized)

    def split(self, text: str) -> list[str | int]:
        """Cut one text into the ids of added tokens and the texts between them."""
        parts: list[str | int] = []
        for part in self._plain.split(text):
            if isinstance(part, AddedToken):
                parts.append(part.id)
            elif self.normalizes:
                parts += self._split_normalized(self._normalized(part))
            else:
                parts.append(part)
        return parts

    def _normalized(self, text: str) -> str:
        text = self._normalize(text)
        if self._space_id is None:
            return text
        return re.sub(" {2,}", META_SPACE, text.rstrip(WHITE_SPACE))

    def _by_normalized_content(self, tokens: Iterable[AddedToken]) -> dict[str, AddedToken]:
        found: dict[str, AddedToken] = {}
        for token in tokens:
            content = self._normalized(token.content)
            if not content or content in found:
                raise ValueError(
                    f"normalisation makes {content!r} of the added token {token.content!r}"
                    + (f", and of {found[content].content!r} too" if content else "")
                )
            found[content] = token
        return found

    def _split_normalized(self, text: str) -> Iterator[str | int]:
        space_before = False
        for part in self._in_normalized.split(text):
            if isinstance(part, str):
                yield part.replace(META_SPACE, " ")
                space_before = part.endswith((" ", META_SPACE))
            else:
                if space_before and self._space_id is not None:
                    yield self._space_id
                yield part.id
                space_before = False


class _Pattern:
    """Finds tokens in a text by what stands for them there."""

    def __init__(self, tokens: dict[str, AddedToken]) -> None:
        self._tokens = tokens
        longest_first = sorted(tokens, key=len, reverse=True)
        self._regex = re.compile("|".join(map(re.escape, longest_first)))

    def split(self, text: str) -> Iterator[str | AddedToken]:
        """Go through the tokens and the texts between them, empty ones left out."""
        done = 0
        for match in self._regex.finditer(text) if self._tokens else ():
            token = self._tokens[match.group()]
            start, end = match.span()
            if token.single_word and (
                is_word(text[start - 1 : start]) or is_word(text[end : end + 1])
            ):
                continue
            while token.lstrip and start > done and text[start - 1] in WHITE_SPACE:
                start -= 1
            while token.rstrip and end < len(text) and text[end] in WHITE_SPACE:
                end += 1
            if done < start:
                yield text[done:start]
            yield token
            done = end
        if done < len(text):
            yield text[done:]


def is_word(character: str) -> bool:
    r"""Tell whether a character is one that Rust's ``\w`` matches; False for the empty text.

    Characters younger than Python's own table of Unicode are not known to it.
    """
    if not character:
        return False
    category = unicodedata.category(character)
    return (
        category[0] in "LM"
        or category in WORD_CATEGORIES
        or character in JOINERS
        or any(ord(character) in letters for letters in ENCLOSED_LETTERS)
    )
