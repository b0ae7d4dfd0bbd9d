"""Texts cut at added tokens.

The cutting is that of the `tokenizers` library, which fast tokenizers of transformers use: first
at the tokens that stand in the text as it is, then, in what remains, at those that stand in the
normalised text; at each place the longest token counts.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

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

#: What becomes one `META_SPACE`.
_RUNS = re.compile(" {2,}")


class Part(NamedTuple):
    """An added token of a text, or what lies between two of them.

    Attributes:
        content: The token's id, or the text, normalised where tokens are looked for in such a text.
        places: Where each character of `content` begins in the text that was cut, and where the
            last one ends; of a token, its own two ends.
    """

    content: str | int
    places: Sequence[int]


class AddedTokenSplitter:
    """Cuts texts at added tokens.

    Args:
        tokens: The tokens.
        normalize: The vocabulary's normaliser, which keeps all spaces: gives the normalised text,
            and where each of its characters begins in the text, with the end behind the last.
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
        normalize: Callable[[str], tuple[str, Sequence[int]]],
        space_id: int | None = None,
    ) -> None:
        tokens = tuple(tokens)
        self._normalize = normalize
        self._space_id = space_id
        self._plain = _Pattern({t.content: t for t in tokens if not t.normalized})
        normalized = self._by_normalized_content(t for t in tokens if t.normalized)
        self._in_normalized = _Pattern(normalized)
        self.normalizes = bool(normalized)

    def split(self, text: str) -> list[Part]:
        """Cut one text into added tokens and the texts between them."""
        parts: list[Part] = []
        for found, start, end in self._plain.split(text):
            if isinstance(found, AddedToken):
                parts.append(Part(found.id, (start, end)))
            elif self.normalizes:
                normalized, places = self._normalized(found)
                if start:
                    places = [start + place for place in places]
                parts += self._split_normalized(normalized, places)
            else:
                parts.append(Part(found, range(start, end + 1)))
        return parts

    def _normalized(self, text: str) -> tuple[str, Sequence[int]]:
        """Normalise a text; the places of its characters as in `Part`."""
        text, places = self._normalize(text)
        if self._space_id is None:
            return text, places
        text = text.rstrip(WHITE_SPACE)
        if "  " not in text:
            return text, places[: len(text) + 1]
        # Of a run of spaces the first stands for all.
        left_out = {x for run in _RUNS.finditer(text) for x in range(run.start() + 1, run.end())}
        kept = [place for x, place in enumerate(places[: len(text) + 1]) if x not in left_out]
        return _RUNS.sub(META_SPACE, text), kept

    def _by_normalized_content(self, tokens: Iterable[AddedToken]) -> dict[str, AddedToken]:
        found: dict[str, AddedToken] = {}
        for token in tokens:
            content, _ = self._normalized(token.content)
            if not content or content in found:
                raise ValueError(
                    f"normalisation makes {content!r} of the added token {token.content!r}"
                    + (f", and of {found[content].content!r} too" if content else "")
                )
            found[content] = token
        return found

    def _split_normalized(self, text: str, places: Sequence[int]) -> Iterator[Part]:
        space_before = False
        for found, start, end in self._in_normalized.split(text):
            if isinstance(found, str):
                yield Part(found.replace(META_SPACE, " "), places[start : end + 1])
                space_before = found.endswith((" ", META_SPACE))
            else:
                if space_before and self._space_id is not None:
                    yield Part(self._space_id, places[start - 1 : start + 1])
                yield Part(found.id, (places[start], places[end]))
                space_before = False


class _Pattern:
    """Finds tokens in a text by what stands for them there."""

    def __init__(self, tokens: dict[str, AddedToken]) -> None:
        self._tokens = tokens
        longest_first = sorted(tokens, key=len, reverse=True)
        self._regex = re.compile("|".join(map(re.escape, longest_first)))

    def split(self, text: str) -> Iterator[tuple[str | AddedToken, int, int]]:
        """Go through the tokens and the texts between them, with their ends; no empty texts."""
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
                yield text[done:start], done, start
            yield token, start, end
            done = end
        if done < len(text):
            yield text[done:], done, len(text)


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
