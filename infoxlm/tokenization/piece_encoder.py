"""Texts to the ids of their pieces, by sentencepiece's own batch encoding on several threads."""

from collections.abc import Iterable, Sequence
from functools import partial
from itertools import chain

import numpy as np
from sentencepiece import SentencePieceProcessor

from infoxlm.constants import UNK_ID
from infoxlm.errors import UserError
from infoxlm.tokenization.added_tokens import check_ids
from infoxlm.tokenization.sentencepiece_model import (
    META_SPACE,
    spaced_normalizer,
    without_charsmap,
)
from infoxlm.tokenization.spans import SpannedIds, places_of_pairs, without_spaces
from infoxlm.tokenization.splitter import AddedTokenSplitter
from infoxlm.tokenization.token_ids import TokenIds, offsets_from
from infoxlm.tokenization.tokenizer_files import TAKE_AGAIN, TokenizerFiles
from infoxlm.tokenization.tokenizer_json import TOKENIZER_JSON

#: sentencepiece's <unk> <s> </s> become fairseq's <s> <pad> </s> <unk>: one place more.
FAIRSEQ_OFFSET = 1

#: So many texts are encoded sooner than sentencepiece starts its threads.
FEW = 32


class PieceEncoder:
    """Encodes bare texts, without special tokens and without truncation.

    Args:
        files: The vocabulary and its added tokens.
        threads: Number of threads for encoding.

    Attributes:
        processor: The vocabulary's sentencepiece processor, which knows no added tokens.
        mask_id: The id of `<mask>`, the last of the vocabulary.

    Raises:
        UserError: The model is damaged, or an added token has an id or a text that no
            text could lead to.
    """

    def __init__(self, files: TokenizerFiles, threads: int) -> None:
        self.processor = open_model(files)
        self.mask_id = len(self.processor) + FAIRSEQ_OFFSET
        self._threads = threads
        self._splitter: AddedTokenSplitter | None = None
        if not files.added_tokens:
            return
        check_ids(files.added_tokens, self.mask_id + 1, self._piece_id, files.source)
        space_id = self._piece_id(META_SPACE) if files.keeps_spaces else None
        normalize = partial(spaced_normalizer(files.model).normalize, with_offsets=True)
        try:
            self._splitter = AddedTokenSplitter(files.added_tokens, normalize, space_id)
        except ValueError as error:
            raise UserError(
                f"{files.source.parent}: {error}", "Set the token's normalized to false."
            ) from error
        self._between = self.processor
        if self._splitter.normalizes:
            self._between = SentencePieceProcessor()
            self._between.LoadFromSerializedProto(without_charsmap(files.model))

    def encode(self, texts: Sequence[str]) -> TokenIds:
        """Encode texts; any strings are allowed, empty ones too."""
        if isinstance(texts, str):
            raise TypeError("a list of texts is wanted, not one string")
        texts = well_formed(texts)
        if self._splitter is None:
            return self._encode(self.processor, texts)
        rows = [[part.content for part in self._splitter.split(text)] for text in texts]
        between = [part for row in rows for part in row if isinstance(part, str)]
        encoded = iter(self._encode(self._between, between))
        return _joined(
            [np.array([part], np.int32) if isinstance(part, int) else next(encoded) for part in row]
            for row in rows
        )

    def encode_with_spans(self, texts: Sequence[str]) -> SpannedIds:
        """Encode texts, and tell which characters each token covers."""
        mended = well_formed(texts)
        encoded = self._encode_with_spans(mended)
        spans = without_spaces(mended, encoded.token_ids, encoded.spans)
        for row, (text, whole) in enumerate(zip(texts, mended, strict=True)):
            if len(text) != len(whole):
                start, end = encoded.token_ids.offsets[row : row + 2]
                spans[start:end] = places_of_pairs(text)[spans[start:end]]
        return SpannedIds(encoded.token_ids, spans)

    def _encode_with_spans(self, texts: list[str]) -> SpannedIds:
        if self._splitter is None:
            return self._spanned(self.processor, texts)
        rows = [self._splitter.split(text) for text in texts]
        between = [p.content for row in rows for p in row if isinstance(p.content, str)]
        encoded = self._spanned(self._between, between)
        found = iter([(encoded.token_ids[row], encoded[row]) for row in range(len(between))])
        ids: list[list[np.ndarray]] = []
        spans = [np.zeros((0, 2), np.int32)]
        for row in rows:
            ids.append([])
            for part in row:
                if isinstance(part.content, int):
                    ids[-1].append(np.array([part.content], np.int32))
                    spans.append(np.array([[part.places[0], part.places[-1]]], np.int32))
                else:
                    own, places = next(found)
                    ids[-1].append(own)
                    spans.append(np.asarray(part.places, np.int32)[places])
        return SpannedIds(_joined(ids), np.concatenate(spans))

    def _spanned(self, processor: SentencePieceProcessor, texts: list[str]) -> SpannedIds:
        """Encode texts that have no added tokens in them, spaces being part of their pieces."""
        # `proto`, which sentencepiece's own message recommends, counts bytes.
        found = processor.encode(
            texts, return_type="offset_mapping", num_threads=self._threads if texts[FEW:] else 1
        )
        ids = _token_ids([each["ids"] for each in found])
        spans = chain.from_iterable(chain.from_iterable(each["offsets"] for each in found))
        return SpannedIds(ids, np.fromiter(spans, np.int32, 2 * len(ids.ids)).reshape(-1, 2))

    def _encode(self, processor: SentencePieceProcessor, texts: list[str]) -> TokenIds:
        """Encode texts that have no added tokens in them."""
        if len(texts) <= FEW:
            rows = [processor.encode(text, out_type=int) for text in texts]
        else:
            rows = processor.encode(texts, out_type=int, num_threads=self._threads)
        return _token_ids(rows)

    def _piece_id(self, piece: str) -> int | None:
        found = self.processor.piece_to_id(piece)
        return found + FAIRSEQ_OFFSET if found else None


def _token_ids(rows: Sequence[Sequence[int]]) -> TokenIds:
    """Turn rows of sentencepiece's ids into fairseq's."""
    offsets = offsets_from(np.fromiter(map(len, rows), np.int64, len(rows)))
    ids = np.fromiter(chain.from_iterable(rows), np.int32, offsets[-1])
    # 0 is sentencepiece's <unk>; it never yields 1 and 2, its <s> and </s>.
    return TokenIds(np.where(ids == 0, UNK_ID, ids + FAIRSEQ_OFFSET), offsets)


def _joined(rows: Iterable[list[np.ndarray]]) -> TokenIds:
    """Put the parts of each row together."""
    rows = list(rows)
    offsets = offsets_from(np.array([sum(map(len, row)) for row in rows], np.int64))
    return TokenIds(np.concatenate([np.zeros(0, np.int32), *chain.from_iterable(rows)]), offsets)


def open_model(files: TokenizerFiles) -> SentencePieceProcessor:
    """Load a sentencepiece model in XLM-R's layout.

    Raises:
        UserError: It is damaged or in another layout.
    """
    processor = SentencePieceProcessor()
    try:
        processor.LoadFromSerializedProto(files.model)
    except RuntimeError as error:
        problem = (
            f"{files.source} ({len(files.model)} bytes) is damaged or not a sentencepiece model"
        )
        if files.source.name == TOKENIZER_JSON:
            problem = f"{files.source} is damaged: sentencepiece refuses its pieces or characters"
        raise UserError(problem, TAKE_AGAIN) from error
    first_pieces = [processor.id_to_piece(i) for i in range(min(3, len(processor)))]
    if first_pieces != ["<unk>", "<s>", "</s>"]:
        problem = (
            f"{files.source} begins with the pieces {first_pieces}, "
            "an XLM-R model with <unk>, <s>, </s>"
        )
        raise UserError(problem, TAKE_AGAIN)
    return processor


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
