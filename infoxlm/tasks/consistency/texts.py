"""The texts of a sequence of token ids: taken apart, and put together again."""

from collections.abc import Sequence

import numpy as np

from infoxlm.constants import BOS_ID, EOS_ID
from infoxlm.tokenization.tokenizer import longest_first


def texts_of(ids: np.ndarray) -> list[np.ndarray]:
    """The ids of each text in ``<s> a </s>`` or ``<s> a </s></s> b </s>``, without special tokens.

    Args:
        ids: int32 ``[tokens]``.
    """
    ends = np.flatnonzero(ids == EOS_ID).tolist()
    first = ids[1 : ends[0]]
    return [first] if len(ends) == 1 else [first, ids[ends[1] + 1 : ends[2]]]


def sequence_of(texts: Sequence[np.ndarray], max_length: int) -> np.ndarray:
    """The sequence of one text or two, cut as `InfoXLMTokenizer.encode` cuts it, int32.

    Args:
        texts: Their token ids.
        max_length: The most tokens of the sequence.
    """
    first, second = texts[0], texts[1] if len(texts) == 2 else None
    lengths = np.array([len(first)]), np.array([0 if second is None else len(second)])
    kept = longest_first(*lengths, max_length - (2 if second is None else 4))
    ids = [BOS_ID, *first[: int(kept[0][0])].tolist(), EOS_ID]
    if second is not None:
        ids += [EOS_ID, *second[: int(kept[1][0])].tolist(), EOS_ID]
    return np.array(ids, np.int32)
