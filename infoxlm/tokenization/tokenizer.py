"""Text to the token ids of XLM-R, with sentencepiece's own batch encoding on several threads."""

import hashlib
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Self

import numpy as np

from infoxlm.constants import BOS_ID, EOS_ID, MAX_LENGTH, MIN_LENGTH, PAD_ID, UNK_ID
from infoxlm.errors import UserError
from infoxlm.tokenization.piece_encoder import FAIRSEQ_OFFSET, FEW, PieceEncoder, well_formed
from infoxlm.tokenization.spans import SpannedIds
from infoxlm.tokenization.token_ids import TokenIds, offsets_from, ranges
from infoxlm.tokenization.tokenizer_files import (
    MODEL_FILE,
    TokenizerFiles,
    read_model_file,
    read_tokenizer_files,
)

__all__ = ["FEW", "MODEL_FILE", "InfoXLMTokenizer", "longest_first", "well_formed"]


class InfoXLMTokenizer:
    """The tokenizer of InfoXLM, which is the one of XLM-R (Conneau et al. 2020).

    Ids are those of transformers' `XLMRobertaTokenizer` for every text without special tokens
    in it. Two things differ on purpose:

    - `<s>`, `</s>`, `<pad>`, `<unk>` and `<mask>` inside a text are plain characters here, so a
      text can never inject a special token. transformers and PaddleNLP turn them into its id.
    - A lone surrogate (half of a UTF-16 pair, from a broken file or JSON) is read as U+FFFD, and
      two halves that belong together as their character. transformers raises on both.

    Tokens that were added to the vocabulary, such as `[USER]`, become their ids, special ones too.
    Where transformers' own tokenizers differ around them (a space before one), ids are those of
    version 5, unless the folder's `tokenizer.json` says otherwise.

    Args:
        model: A sentencepiece model file in XLM-R's layout (pieces `<unk>`, `<s>`, `</s>` first),
            or what was read from a folder.
        threads: Number of threads for encoding.

    Raises:
        UserError: If a file is missing, damaged or not in that layout.
    """

    def __init__(self, model: str | Path | TokenizerFiles, threads: int = 2) -> None:
        self._files = model if isinstance(model, TokenizerFiles) else read_model_file(model)
        self._encoder = PieceEncoder(self._files, threads)
        self._processor = self._encoder.processor
        self._mask_id = self._encoder.mask_id

    @classmethod
    def from_pretrained(cls, folder: str | Path, threads: int = 2) -> Self:
        """Open the tokenizer in a checkpoint's folder, ours or PaddleNLP's or transformers'.

        Raises:
            UserError: If the folder has neither `sentencepiece.bpe.model` nor `tokenizer.json`,
                or its files are damaged or not XLM-R's.
        """
        return cls(read_tokenizer_files(Path(folder)), threads)

    def save_pretrained(self, folder: str | Path, *, fast: bool = False) -> None:
        """Write what PaddleNLP's and transformers' `AutoTokenizer` open, giving the same ids.

        PaddleNLP 3.0.0b4 alone does not look for added tokens in texts.

        Args:
            folder: The model folder.
            fast: Whether to write `tokenizer.json` too, for transformers 5.
        """
        from infoxlm.tokenization.tokenizer_writer import write_tokenizer_files

        write_tokenizer_files(self._files, Path(folder), mask_id=self._mask_id, fast=fast)

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of model and added tokens, in hex: equal fingerprints give equal ids."""
        digest = hashlib.sha256(self._files.model)
        if self._files.added_tokens:
            digest.update(repr((self._files.added_tokens, self._files.keeps_spaces)).encode())
        return digest.hexdigest()

    @property
    def mask_id(self) -> int:
        """The id of `<mask>`."""
        return self._mask_id

    @property
    def vocab_size(self) -> int:
        """Number of ids: sentencepiece's pieces, `<pad>`, `<mask>`, and then added tokens."""
        last = max((token.id for token in self._files.added_tokens), default=0)
        return max(self._mask_id, last) + 1

    def encode(
        self,
        premises: Sequence[str],
        hypotheses: Sequence[str] | None = None,
        *,
        max_length: int,
    ) -> TokenIds:
        """Encode texts as `<s> a </s>`, or pairs of texts as `<s> a </s></s> b </s>`.

        Args:
            premises: `n` texts; any string is allowed, empty ones too.
            hypotheses: `n` texts, or None for single texts.
            max_length: The most tokens of a row, special ones included, 8 to 512. What is longer
                loses tokens at the end of its longer text (see `longest_first`).

        Returns:
            `n` rows of token ids.

        Raises:
            UserError: If `max_length` is out of bounds.
            ValueError: If the numbers of premises and hypotheses differ.
        """
        if not MIN_LENGTH <= max_length <= MAX_LENGTH:
            problem = f"max_length is {max_length}"
            raise UserError(problem, f"Set data.max_length between {MIN_LENGTH} and {MAX_LENGTH}.")
        if hypotheses is not None and len(premises) != len(hypotheses):
            raise ValueError(f"{len(premises)} premises but {len(hypotheses)} hypotheses")

        first = self._encoder.encode(premises)
        if hypotheses is None:
            special = 2
            second = TokenIds(np.zeros(0, np.int32), np.zeros_like(first.offsets))
        else:
            special = 4
            second = self._encoder.encode(hypotheses)
        kept_first, kept_second = longest_first(first.lengths, second.lengths, max_length - special)

        # Every place that no text fills is </s>, but for the first of each row.
        offsets = offsets_from(kept_first + kept_second + special)
        starts = offsets[:-1]
        ids = np.full(offsets[-1], EOS_ID, dtype=np.int32)
        ids[starts] = BOS_ID
        for pieces, kept, places in (
            (first, kept_first, starts + 1),
            (second, kept_second, starts + 1 + kept_first + 2),
        ):
            ids[ranges(places, kept)] = pieces.ids[ranges(pieces.offsets[:-1], kept)]
        return TokenIds(ids, offsets)

    def pieces(self, texts: Sequence[str]) -> TokenIds:
        """Encode bare texts: no special tokens, and none cut."""
        return self._encoder.encode(texts)

    def spanned_pieces(self, texts: Sequence[str]) -> SpannedIds:
        """Encode bare texts, and tell which characters of its text each token covers."""
        return self._encoder.encode_with_spans(texts)

    def full_lengths(self, premises: Sequence[str], hypotheses: Sequence[str]) -> np.ndarray:
        """Count the tokens of pairs as `encode` would give them if it cut none, int64 `[n]`."""
        return self._encoder.encode(premises).lengths + self._encoder.encode(hypotheses).lengths + 4

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of token ids, special tokens left out and `<unk>` written as ` ⁇ `."""
        texts = []
        for added, run in groupby(map(int, ids), self._added_names.__contains__):
            if added:
                texts += [self._added_names[token_id] for token_id in run]
            else:
                kept = (i for i in run if i not in (BOS_ID, PAD_ID, EOS_ID, self._mask_id))
                pieces = [0 if i == UNK_ID else i - FAIRSEQ_OFFSET for i in kept]
                texts.append(self._processor.decode(pieces))
        return " ".join(text for text in texts if text)

    def tokens(self, ids: Iterable[int]) -> list[str]:
        """Name each token id: a piece such as `▁Hello`, an added token, or a special one."""
        named = {
            BOS_ID: "<s>",
            PAD_ID: "<pad>",
            EOS_ID: "</s>",
            UNK_ID: "<unk>",
            self._mask_id: "<mask>",
            **self._added_names,
        }
        return [
            named.get(token_id) or self._processor.id_to_piece(token_id - FAIRSEQ_OFFSET)
            for token_id in map(int, ids)
        ]

    @cached_property
    def _added_names(self) -> dict[int, str]:
        return {token.id: token.content for token in self._files.added_tokens}


def longest_first(
    first: np.ndarray, second: np.ndarray, budget: int
) -> tuple[np.ndarray, np.ndarray]:
    """Count the tokens of each text that stay when the longer one gives way first.

    A text of at most half the budget stays whole and the other gets the rest; two longer ones
    get half each, the odd token going to the first. That is the closed form of dropping tokens
    one by one, from the second text on a tie, as `PreTrainedTokenizer.truncate_sequences` of
    transformers does. transformers' fast tokenizers give the odd token of an odd budget to the
    second text unless the first is longer; at even budgets all agree.

    Args:
        first: Lengths of the first texts, int64 `[n]`.
        second: Lengths of the second texts, int64 `[n]`.
        budget: The most tokens both may have together.

    Returns:
        Kept lengths of the first and of the second texts, int64 `[n]` each.
    """
    half = budget - budget // 2
    kept_first = np.minimum(first, np.maximum(budget - second, half))
    return kept_first, np.minimum(second, budget - kept_first)
