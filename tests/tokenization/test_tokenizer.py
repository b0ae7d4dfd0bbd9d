import hashlib
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infoxlm.constants import BOS_ID, EOS_ID, UNK_ID
from infoxlm.data.xnli import LANGUAGES
from infoxlm.errors import UserError
from infoxlm.tokenization.token_ids import TokenIds
from infoxlm.tokenization.tokenizer import FEW, InfoXLMTokenizer, longest_first, well_formed

#: Every code point, lone surrogates too.
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)

HOSTILE = [
    "",
    " ",
    "\n\t\r",
    "\x00",
    "a\x00b\x01\x1b\x7f",
    "👩\u200d👩\u200d👧 🏳️\u200d🌈 👍🏽",
    "क्\u200dष",
    "\u200b\ufeff\u2028\u0085",
    "\ufffd",
    "e\u0301\u0302\u0303",
    "<s>",
    "</s> <mask> <pad> <unk>",
    "▁a ▁",
]


@pytest.fixture(scope="session")
def tokenizer(sentencepiece_file: Path) -> InfoXLMTokenizer:
    return InfoXLMTokenizer(sentencepiece_file)


@pytest.fixture(scope="session")
def saved(tokenizer: InfoXLMTokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    tokenizer.save_pretrained(folder)
    return folder


def lists(token_ids: TokenIds) -> list[list[int]]:
    return [row.tolist() for row in token_ids]


def random_pairs(count: int) -> tuple[list[str], list[str]]:
    """Make texts of 0 to 20 words, so that every kind of truncation and tie occurs."""
    sentence = "the cat sat on маленький 狗 ไม่ बच्चा çocuk never 12 ! , . unseenword Ünïcödé"
    words = sentence.split()
    draw = random.Random(0)

    def text() -> str:
        return " ".join(draw.choices(words, k=draw.randint(0, 20)))

    return [text() for _ in range(count)], [text() for _ in range(count)]


def transformers_tokenizer(folder: Path, fast: bool) -> Any:
    transformers = pytest.importorskip("transformers")
    transformers.logging.set_verbosity_error()
    return transformers.AutoTokenizer.from_pretrained(folder, use_fast=fast)


def xnli_pairs(file: Path) -> tuple[list[str], list[str]]:
    lines = file.read_text(encoding="utf-8").rstrip("\n").split("\n")[1:]
    premises, hypotheses, _ = zip(*(line.split("\t") for line in lines), strict=True)
    return list(premises), list(hypotheses)


# Structure


def test_single_texts_and_pairs(tokenizer: InfoXLMTokenizer) -> None:
    a, b = (row[1:-1] for row in lists(tokenizer.encode(["the cat", "dog"], max_length=32)))
    assert a and b
    (pair,) = lists(tokenizer.encode(["the cat"], ["dog"], max_length=32))
    assert pair == [BOS_ID, *a, EOS_ID, EOS_ID, *b, EOS_ID]


def test_few_texts_are_encoded_as_many(tokenizer: InfoXLMTokenizer) -> None:
    texts = [f"the cat sat {number} times on the mat 猫" for number in range(FEW + 1)]
    together = tokenizer.encode(texts, max_length=32)
    for row, text in enumerate(texts):
        alone = tokenizer.encode([text], max_length=32)
        np.testing.assert_array_equal(alone[0], together[row])
    assert len(tokenizer.encode([], max_length=32)) == 0


def test_empty_texts(tokenizer: InfoXLMTokenizer) -> None:
    assert lists(tokenizer.encode([""], max_length=8)) == [[0, 2]]
    assert lists(tokenizer.encode([""], [""], max_length=8)) == [[0, 2, 2, 2]]
    assert lists(tokenizer.encode([], [], max_length=8)) == []


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(ANY_TEXT, ANY_TEXT), min_size=1, max_size=4), st.integers(8, 40))
def test_any_texts_give_well_formed_rows(
    tokenizer: InfoXLMTokenizer, pairs: list[tuple[str, str]], max_length: int
) -> None:
    premises, hypotheses = map(list, zip(*pairs, strict=True))
    batch = tokenizer.encode(premises, hypotheses, max_length=max_length)
    one_by_one = [tokenizer.encode([a], [b], max_length=max_length)[0].tolist() for a, b in pairs]
    assert lists(batch) == one_by_one
    assert batch.ids.dtype == np.int32
    for row in one_by_one:
        separator = row.index(EOS_ID)
        premise, hypothesis = row[1:separator], row[separator + 2 : -1]
        assert row == [BOS_ID, *premise, EOS_ID, EOS_ID, *hypothesis, EOS_ID]
        assert len(row) <= max_length
        # A text never yields <s>, <pad>, </s> or <mask>.
        assert all(UNK_ID <= i < tokenizer.vocab_size - 1 for i in premise + hypothesis)


@pytest.mark.parametrize("max_length", [-1, 0, 7, 513])
def test_max_length_out_of_bounds(tokenizer: InfoXLMTokenizer, max_length: int) -> None:
    message = f"max_length is {max_length}. Set data.max_length between 8 and 512."
    with pytest.raises(UserError, match=message):
        tokenizer.encode(["a"], max_length=max_length)


def test_misuse_is_refused(tokenizer: InfoXLMTokenizer) -> None:
    with pytest.raises(ValueError, match="2 premises but 1 hypotheses"):
        tokenizer.encode(["a", "b"], ["c"], max_length=8)
    with pytest.raises(TypeError, match="not one string"):
        tokenizer.encode("a text", max_length=8)


# Truncation


def dropped_one_by_one(first: int, second: int, budget: int) -> tuple[int, int]:
    while first + second > budget:
        if first > second:
            first -= 1
        else:
            second -= 1
    return first, second


def test_longest_first_is_dropping_tokens_one_by_one() -> None:
    first, second = (grid.ravel() for grid in np.meshgrid(np.arange(30), np.arange(30)))
    for budget in range(4, 62):
        kept = np.stack(longest_first(first, second, budget), axis=1)
        expected = [dropped_one_by_one(*pair, budget) for pair in zip(first, second, strict=True)]
        np.testing.assert_array_equal(kept, expected)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(4, 508))
def test_longest_first_is_what_transformers_does(first: int, second: int, budget: int) -> None:
    base = pytest.importorskip("transformers.tokenization_utils_base")

    class Tokenizer(base.PreTrainedTokenizerBase):  # type: ignore[name-defined,misc]
        truncation_side = "right"

        def __init__(self) -> None:
            """Leave out what needs a vocabulary."""

    kept = longest_first(np.array([first]), np.array([second]), budget)
    excess = first + second - budget
    ids, pair_ids, _ = Tokenizer().truncate_sequences(range(first), range(second), excess)
    assert (kept[0].item(), kept[1].item()) == (len(ids), len(pair_ids))


def test_very_long_texts(tokenizer: InfoXLMTokenizer) -> None:
    long = "the cat sat " * 8_500
    assert len(long) > 100_000
    short, pair, glued = (
        tokenizer.encode([a], [b], max_length=512)[0].tolist()
        for a, b in [(long, "dog"), (long, long), ("a" * 100_000, "👍" * 25_000)]
    )
    (dog,) = tokenizer.encode(["dog"], max_length=512)
    assert len(short) == 512 and short[-len(dog) :] == [EOS_ID, *dog[1:]]
    assert len(pair) == 512 and pair[:255] == [BOS_ID, *pair[257:511]]
    assert len(glued) <= 512


# Against transformers and PaddleNLP


@pytest.mark.parametrize("max_length", [8, 9, 16, 17, 128])
def test_ids_are_those_of_transformers(
    tokenizer: InfoXLMTokenizer, saved: Path, max_length: int
) -> None:
    premises, hypotheses = random_pairs(400)
    ours = lists(tokenizer.encode(premises, hypotheses, max_length=max_length))
    single = lists(tokenizer.encode(premises, max_length=max_length))
    for fast in (False, True):
        theirs = transformers_tokenizer(saved, fast)
        assert single == theirs(premises, truncation=True, max_length=max_length)["input_ids"]
        pairs = theirs(premises, hypotheses, truncation=True, max_length=max_length)["input_ids"]
        if fast and max_length % 2:  # the fast one shares an odd token differently
            assert sorted(map(len, ours)) == sorted(map(len, pairs))
        else:
            assert ours == pairs


def test_transformers_opens_what_is_saved(tokenizer: InfoXLMTokenizer, saved: Path) -> None:
    for fast in (False, True):
        theirs = transformers_tokenizer(saved, fast)
        assert theirs.is_fast == fast
        assert type(theirs).__name__ == "XLMRobertaTokenizer" + "Fast" * fast
        assert theirs.model_max_length == 512
        assert len(theirs) == tokenizer.vocab_size
        names = [theirs.bos_token, theirs.pad_token, theirs.sep_token, theirs.unk_token]
        assert names == tokenizer.tokens([0, 1, 2, 3])
        assert theirs.mask_token_id == tokenizer.vocab_size - 1
        ids = list(range(tokenizer.vocab_size))
        assert tokenizer.tokens(ids) == theirs.convert_ids_to_tokens(ids)


@pytest.mark.parametrize("auto", [False, True])
@pytest.mark.parametrize("max_length", [8, 17, 128])
def test_paddlenlp_opens_what_is_saved(
    tokenizer: InfoXLMTokenizer, saved: Path, auto: bool, max_length: int
) -> None:
    paddlenlp = pytest.importorskip("paddlenlp.transformers")
    tokenizer_class = paddlenlp.AutoTokenizer if auto else paddlenlp.XLMRobertaTokenizer
    theirs = tokenizer_class.from_pretrained(str(saved))
    premises, hypotheses = random_pairs(100)
    expected = theirs(premises, hypotheses, truncation=True, max_length=max_length)["input_ids"]
    assert lists(tokenizer.encode(premises, hypotheses, max_length=max_length)) == expected
    assert theirs.mask_token_id == tokenizer.vocab_size - 1


def test_hostile_texts_as_in_transformers(tokenizer: InfoXLMTokenizer, saved: Path) -> None:
    theirs = transformers_tokenizer(saved, fast=False)
    for text in HOSTILE:
        (ours,) = lists(tokenizer.encode([text], max_length=128))
        if "<" in text:  # we never read a special token out of a text, they do
            assert not {0, 1, 2, tokenizer.vocab_size - 1} & set(ours[1:-1])
        else:
            assert ours == theirs(text)["input_ids"], repr(text)


def test_lone_surrogates_are_replacement_characters(tokenizer: InfoXLMTokenizer) -> None:
    broken = ["a\ud800b", "\udc00", "x\ud83d", "\udc00\ud800", "\ufeff\ud800"]
    mended = ["a\ufffdb", "\ufffd", "x\ufffd", "\ufffd\ufffd", "\ufeff\ufffd"]
    assert well_formed(broken) == mended
    assert well_formed(["\ud83d\ude00", "\ud83d", "\ude00"]) == ["😀", "\ufffd", "\ufffd"]
    encoded = tokenizer.encode([*broken, "whole"], max_length=32)
    assert lists(encoded) == lists(tokenizer.encode([*mended, "whole"], max_length=32))


# Files


def test_saved_folder_opens_again(tokenizer: InfoXLMTokenizer, saved: Path) -> None:
    again = InfoXLMTokenizer.from_pretrained(saved, threads=1)
    assert again.fingerprint == tokenizer.fingerprint
    premises, hypotheses = random_pairs(50)
    ours, theirs = (t.encode(premises, hypotheses, max_length=64) for t in (tokenizer, again))
    assert lists(ours) == lists(theirs)
    assert sorted(path.name for path in saved.iterdir()) == [
        "sentencepiece.bpe.model",
        "special_tokens_map.json",
        "tokenizer_config.json",
    ]


def test_save_does_not_need_the_file_it_came_from(sentencepiece_file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "sentencepiece.bpe.model"
    shutil.copy(sentencepiece_file, copy)
    tokenizer = InfoXLMTokenizer.from_pretrained(tmp_path)
    copy.unlink()
    tokenizer.save_pretrained(tmp_path / "new" / "folder")
    content = (tmp_path / "new" / "folder" / "sentencepiece.bpe.model").read_bytes()
    assert content == sentencepiece_file.read_bytes()
    assert tokenizer.fingerprint == hashlib.sha256(content).hexdigest()


def test_missing_model(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"sentencepiece.bpe.model cannot be read: No such file.*Take "
    ):
        InfoXLMTokenizer.from_pretrained(tmp_path)


@pytest.mark.parametrize("content", [b"", b"version https://git-lfs", None])
def test_damaged_model(sentencepiece_file: Path, tmp_path: Path, content: bytes | None) -> None:
    if content is None:
        content = sentencepiece_file.read_bytes()[:-1000]
    (tmp_path / "sentencepiece.bpe.model").write_bytes(content)
    with pytest.raises(UserError, match=r"sentencepiece.bpe.model .* damaged"):
        InfoXLMTokenizer.from_pretrained(tmp_path)


def test_model_in_another_layout(sentencepiece_file: Path, tmp_path: Path) -> None:
    model_pb2 = pytest.importorskip("sentencepiece.sentencepiece_model_pb2")
    model = model_pb2.ModelProto.FromString(sentencepiece_file.read_bytes())
    model.pieces.insert(0, model.pieces.pop(2))
    (tmp_path / "sentencepiece.bpe.model").write_bytes(model.SerializeToString())
    with pytest.raises(UserError, match="begins with the pieces"):
        InfoXLMTokenizer.from_pretrained(tmp_path)


def test_decode_and_tokens(tokenizer: InfoXLMTokenizer) -> None:
    (ids,) = tokenizer.encode(["the cat"], ["the dog"], max_length=64)
    assert tokenizer.decode(ids) == "the cat the dog"
    tokens = tokenizer.tokens(ids)
    assert tokens[0] == "<s>" and tokens.count("</s>") == 3
    assert "".join(tokens[1 : tokens.index("</s>")]) == "▁the▁cat"
    mask = tokenizer.vocab_size - 1
    assert tokenizer.tokens([3, 1, mask]) == ["<unk>", "<pad>", "<mask>"]
    assert tokenizer.decode([0, 1, mask, 2]) == ""


def test_import_is_light() -> None:
    heavy = "{'paddle', 'paddlenlp', 'torch', 'transformers', 'matplotlib'}"
    code = f"import sys, infoxlm.data.token_cache; print({heavy} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"


# The real vocabulary and data


def test_known_ids_of_xlm_r(e5_torch: Path) -> None:
    tokenizer = InfoXLMTokenizer.from_pretrained(e5_torch)
    assert tokenizer.vocab_size == 250_002
    encoded = tokenizer.encode(["Hello world", "இவ்வில் ஒரு நிர்வாகம்."], max_length=16)
    assert lists(encoded) == [
        [0, 35378, 8999, 2],
        [0, 186513, 8938, 3219, 164269, 938, 5, 2],
    ]


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_xnli_as_transformers(e5_torch: Path, shared: Path, language: str) -> None:
    tokenizer = InfoXLMTokenizer.from_pretrained(e5_torch)
    premises, hypotheses = xnli_pairs(shared / "data" / "xnli" / "dev" / f"{language}.tsv")
    assert len(premises) == 2_490
    slow, fast = (transformers_tokenizer(e5_torch, fast) for fast in (False, True))
    for max_length in (8, 16, 17, 128):
        ours = lists(tokenizer.encode(premises, hypotheses, max_length=max_length))
        arguments = {"truncation": True, "max_length": max_length}
        assert ours == slow(premises, hypotheses, **arguments)["input_ids"]
        if max_length % 2 == 0:  # the fast one shares an odd token differently
            assert ours == fast(premises, hypotheses, **arguments)["input_ids"]


@pytest.mark.slow
@pytest.mark.parametrize("saved_by", ["infoxlm", "transformers"])
def test_xnli_from_tokenizer_json_alone(
    e5_torch: Path, shared: Path, tmp_path: Path, saved_by: str
) -> None:
    original = InfoXLMTokenizer.from_pretrained(e5_torch)
    if saved_by == "infoxlm":
        original.save_pretrained(tmp_path, fast=True)
        (tmp_path / "sentencepiece.bpe.model").unlink()
    else:
        transformers_tokenizer(e5_torch, fast=True).save_pretrained(tmp_path, legacy_format=False)
    assert not (tmp_path / "sentencepiece.bpe.model").exists()
    again = InfoXLMTokenizer.from_pretrained(tmp_path)
    for language in LANGUAGES:
        pairs = xnli_pairs(shared / "data" / "xnli" / "dev" / f"{language}.tsv")
        expected = original.encode(*pairs, max_length=128)
        found = again.encode(*pairs, max_length=128)
        np.testing.assert_array_equal(found.ids, expected.ids)
        np.testing.assert_array_equal(found.offsets, expected.offsets)


@pytest.mark.slow
def test_forty_thousand_pairs_a_second(e5_torch: Path, shared: Path) -> None:
    tokenizer = InfoXLMTokenizer.from_pretrained(e5_torch, threads=2)
    premises: list[str] = []
    hypotheses: list[str] = []
    for language in LANGUAGES:
        more = xnli_pairs(shared / "data" / "xnli" / "dev" / f"{language}.tsv")
        premises += more[0]
        hypotheses += more[1]
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        tokenizer.encode(premises, hypotheses, max_length=128)
        seconds.append(time.perf_counter() - start)
    assert len(premises) / min(seconds) > 40_000
