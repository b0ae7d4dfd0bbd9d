"""Text to the token ids of XLM-R, with sentencepiece's own batch encoding on several threads."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Self

import numpy as np
from sentencepiece import SentencePieceProcessor

from infoxlm.atomic import atomic_path
from infoxlm.constants import BOS_ID, EOS_ID, MAX_LENGTH, MIN_LENGTH, PAD_ID, UNK_ID
from infoxlm.data.token_ids import TokenIds, offsets_from, ranges
from infoxlm.errors import UserError

MODEL_FILE = "sentencepiece.bpe.model"

#: sentencepiece's <unk> <s> </s> become fairseq's <s> <pad> </s> <unk>: one place more.
FAIRSEQ_OFFSET = 1

SPECIAL_TOKENS = {
    "bos_token": "<s>",
    "cls_token": "<s>",
    "eos_token": "</s>",
    "sep_token": "</s>",
    "unk_token": "<unk>",
    "pad_token": "<pad>",
    "mask_token": "<mask>",
}


#: So many texts are encoded sooner than sentencepiece starts its threads.
FEW = 32


class InfoXLMTokenizer:
    """The tokenizer of InfoXLM, which is the one of XLM-R (Conneau et al. 2020).

    Ids are those of transformers' `XLMRobertaTokenizer` for every text without special tokens
    in it. Two things differ on purpose:

    - `<s>`, `</s>`, `<pad>`, `<unk>` and `<mask>` inside a text are plain characters here, so a
      text can never inject a special token. transformers and PaddleNLP turn them into its id.
    - A lone surrogate (half of a UTF-16 pair, from a broken file or JSON) is read as U+FFFD, and
      two halves that belong together as their character. transformers raises on both.

    Args:
        model_file: A sentencepiece model in XLM-R's layout (pieces `<unk>`, `<s>`, `</s>` first).
        threads: Number of threads for encoding.

    Raises:
        UserError: If the file is missing, damaged or not in that layout.
    """

    def __init__(self, model_file: str | Path, threads: int = 2) -> None:
        remedy = f"Take {MODEL_FILE} anew from the folder of an XLM-R or InfoXLM checkpoint."
        try:
            self._model = Path(model_file).read_bytes()
        except OSError as error:
            problem = f"Cannot read the tokenizer's model {model_file}: {error.strerror}"
            raise UserError(problem, remedy) from error
        self._processor = SentencePieceProcessor()
        try:
            self._processor.LoadFromSerializedProto(self._model)
        except RuntimeError as error:
            problem = (
                f"{model_file} ({len(self._model)} bytes) is damaged or not a sentencepiece model"
            )
            raise UserError(problem, remedy) from error
        first_pieces = [self._processor.id_to_piece(i) for i in range(min(3, len(self._processor)))]
        if first_pieces != ["<unk>", "<s>", "</s>"]:
            problem = (
                f"{model_file} begins with the pieces {first_pieces}, "
                "an XLM-R model with <unk>, <s>, </s>"
            )
            raise UserError(problem, remedy)
        self._threads = threads

    @classmethod
    def from_pretrained(cls, folder: str | Path, threads: int = 2) -> Self:
        """Open the tokenizer in a checkpoint's folder, ours or PaddleNLP's or transformers'.

        Raises:
            UserError: If the folder has no `sentencepiece.bpe.model`, or a damaged one.
        """
        return cls(Path(folder) / MODEL_FILE, threads)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write what PaddleNLP's and transformers' `AutoTokenizer` open, giving the same ids."""
        config = {
            "tokenizer_class": "XLMRobertaTokenizer",
            "model_max_length": MAX_LENGTH,
            **SPECIAL_TOKENS,
        }
        files = {
            MODEL_FILE: self._model,
            "tokenizer_config.json": json.dumps(config, indent=2).encode(),
            "special_tokens_map.json": json.dumps(SPECIAL_TOKENS, indent=2).encode(),
        }
        for name, content in files.items():
            with atomic_path(Path(folder) / name) as path:
                path.write_bytes(content)

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of the model's bytes, in hex: equal fingerprints give equal ids."""
        return hashlib.sha256(self._model).hexdigest()

    @property
    def vocab_size(self) -> int:
        """Number of ids: sentencepiece's pieces, `<pad>`, and `<mask>` at the end."""
        return len(self._processor) + FAIRSEQ_OFFSET + 1

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

        first = self._pieces(premises)
        if hypotheses is None:
            special = 2
            second = TokenIds(np.zeros(0, np.int32), np.zeros_like(first.offsets))
        else:
            special = 4
            second = self._pieces(hypotheses)
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

    def full_lengths(self, premises: Sequence[str], hypotheses: Sequence[str]) -> np.ndarray:
        """Count the tokens of pairs as `encode` would give them if it cut none, int64 `[n]`."""
        return self._pieces(premises).lengths + self._pieces(hypotheses).lengths + 4

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of token ids, special tokens left out and `<unk>` written as ` ⁇ `."""
        special = {BOS_ID, PAD_ID, EOS_ID, self._mask_id}
        kept = [int(token_id) for token_id in ids if token_id not in special]
        return self._processor.decode(
            [0 if token_id == UNK_ID else token_id - FAIRSEQ_OFFSET for token_id in kept]
        )

    def tokens(self, ids: Iterable[int]) -> list[str]:
        """Name each token id: a piece such as `▁Hello`, or a special token."""
        special = {
            BOS_ID: "<s>",
            PAD_ID: "<pad>",
            EOS_ID: "</s>",
            UNK_ID: "<unk>",
            self._mask_id: "<mask>",
        }
        return [
            special.get(token_id) or self._processor.id_to_piece(token_id - FAIRSEQ_OFFSET)
            for token_id in map(int, ids)
        ]

    @property
    def _mask_id(self) -> int:
        return self.vocab_size - 1

    def _pieces(self, texts: Sequence[str]) -> TokenIds:
        """Encode bare texts, without special tokens and without truncation."""
        if isinstance(texts, str):
            raise TypeError("a list of texts is wanted, not one string")
        texts = well_formed(texts)
        if len(texts) <= FEW:
            rows = [self._processor.encode(text, out_type=int) for text in texts]
        else:
            rows = self._processor.encode(texts, out_type=int, num_threads=self._threads)
        offsets = offsets_from(np.fromiter(map(len, rows), np.int64, len(rows)))
        ids = np.fromiter(chain.from_iterable(rows), np.int32, offsets[-1])
        # 0 is sentencepiece's <unk>; it never yields 1 and 2, its <s> and </s>.
        return TokenIds(np.where(ids == 0, UNK_ID, ids + FAIRSEQ_OFFSET), offsets)


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


def well_formed(texts: Sequence[str]) -> list[str]:
    """Make texts that sentencepiece takes: surrogate pairs joined, lone ones as U+FFFD."""
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        return [
            text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
            for text in texts
        ]
    return list(texts)
