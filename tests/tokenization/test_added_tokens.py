import json
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infoxlm.errors import UserError
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

PLAIN = {"[USER]": {}, "[URL]": {}}

#: Every flag, tokens inside each other, and one that is a piece of the vocabulary's text.
MANY = {
    "[USER]": {},
    "[US": {"normalized": False},
    "[US]": {"normalized": False, "special": True},
    "<e1>": {"lstrip": True, "special": True, "normalized": False},
    "</e1>": {"rstrip": True, "normalized": False},
    "cats": {"single_word": True},
    "dog s": {"single_word": True, "normalized": False},
    "##": {"lstrip": True, "rstrip": True},
    "狗狗": {"rstrip": True},
    "xé": {"lstrip": True, "single_word": True},
}
#: Tokens, what looks like them, and every kind of space; no character that transformers' fast
#: tokenizers normalise unlike sentencepiece (they do so with some accents after other characters).
FRAGMENTS = [
    *MANY, "[", "USER]", "ＵＳＥＲ", "［USER］", "e1>", "cat", "s", "dog", "#", "狗", "xe\u0301",
    "é", "the", "Hund", "бочка", "1", "_", ".", "😀", "ﬁ", " ", "  ", "\t", "\n", "\u3000",
    "\u00a0",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(FRAGMENTS), max_size=12).map("".join)


@pytest.mark.parametrize("keeps_spaces", [False, True])
def test_any_text_as_in_transformers(with_tokens, theirs, ids, tmp_path, keeps_spaces):
    tokenizer = with_tokens(MANY, keeps_spaces)
    tokenizer.save_pretrained(tmp_path)
    fast = theirs(tmp_path)
    assert len(fast) == tokenizer.vocab_size

    @settings(max_examples=400, deadline=None)
    @given(TEXTS)
    def check(text):
        assert ids(tokenizer, [text]) == [fast(text)["input_ids"]]

    check()


def test_what_touches_a_single_word(with_tokens, theirs, ids, tmp_path):
    """Letters, accents, digits, circled letters and joiners; not fractions and signs."""
    tokenizer = with_tokens({"zq": {"single_word": True, "normalized": False}})
    tokenizer.save_pretrained(tmp_path)
    fast, token = theirs(tmp_path), tokenizer.vocab_size - 1
    neighbours = "aé狗1_²½Ⅷ- ,😀\u0301\u093e\u094d\u200c\u200d\u200bⒶ🄰\x1c\u3000"
    texts = [text for other in neighbours for text in (f"zq{other}", f"{other}zq")]
    found = [token in row for row in ids(tokenizer, texts)]
    assert found == [token in fast(text)["input_ids"] for text in texts]
    assert 10 < sum(found) < len(found) - 10


def test_folder_of_a_slow_tokenizer(sentencepiece_file, theirs, ids, tmp_path):
    """As transformers 4 wrote it before 4.34: ids alone, special ones listed elsewhere."""
    shutil.copy(sentencepiece_file, tmp_path / "sentencepiece.bpe.model")
    size = InfoXLMTokenizer(sentencepiece_file).vocab_size
    added = {"[URL]": size + 1, "[USER]": size, "<e1>": size + 2, "<mask>": size - 1}
    (tmp_path / "added_tokens.json").write_text(json.dumps(added))
    special = {"additional_special_tokens": ["<e1>"], "mask_token": {"content": "<mask>"}}
    (tmp_path / "special_tokens_map.json").write_text(json.dumps(special))
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "XLMRobertaTokenizer"}')
    tokenizer = InfoXLMTokenizer.from_pretrained(tmp_path)
    texts = ["[USER] the cat [URL]", "the[USER]cat", " [URL]  [USER] ", "a <e1>b", "[user]"]
    slow = theirs(tmp_path, fast=False)
    assert ids(tokenizer, texts) == [slow(text)["input_ids"] for text in texts]
    assert tokenizer.vocab_size == len(slow)


def test_folders_that_transformers_saves(sentencepiece_file, theirs, ids, tmp_path):
    transformers = pytest.importorskip("transformers")
    InfoXLMTokenizer(sentencepiece_file).save_pretrained(tmp_path)
    texts = ["a [USER] b", "a <x> b<x>c", "x  [e] y", "the cat"]
    for fast in (True, False):
        theirs_now = theirs(tmp_path, fast)
        theirs_now.add_tokens(["[USER]", transformers.AddedToken("[e]", lstrip=True)])
        theirs_now.add_special_tokens({"additional_special_tokens": ["<x>"]})
        folder = tmp_path / f"fast-{fast}"
        theirs_now.save_pretrained(folder)
        expected = [theirs_now(text)["input_ids"] for text in texts]
        assert ids(InfoXLMTokenizer.from_pretrained(folder), texts) == expected
        (folder / "sentencepiece.bpe.model").unlink()
        if fast:
            assert ids(InfoXLMTokenizer.from_pretrained(folder), texts) == expected


def test_travels_through_saving(with_tokens, ids, tmp_path):
    texts = ["a [USER] b <e1> cats 狗狗  x", "##x"]
    for keeps_spaces in (False, True):
        tokenizer = with_tokens(MANY, keeps_spaces)
        tokenizer.save_pretrained(tmp_path / "a")
        again = InfoXLMTokenizer.from_pretrained(tmp_path / "a")
        again.save_pretrained(tmp_path / "b")
        twice = InfoXLMTokenizer.from_pretrained(tmp_path / "b")
        assert ids(tokenizer, texts) == ids(again, texts) == ids(twice, texts)
        assert tokenizer.fingerprint == again.fingerprint == twice.fingerprint
        for path in (tmp_path / "a").iterdir():
            assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
        shutil.rmtree(tmp_path / "a")
        shutil.rmtree(tmp_path / "b")


def test_many_texts_and_pairs(with_tokens):
    tokenizer = with_tokens(PLAIN)
    texts = [f"[USER] the cat {number} [URL]" for number in range(50)] + ["", "[URL]", "the cat"]
    together = tokenizer.encode(texts, texts[::-1], max_length=16)
    for row, pair in enumerate(zip(texts, texts[::-1], strict=True)):
        alone = tokenizer.encode([pair[0]], [pair[1]], max_length=16)
        assert alone[0].tolist() == together[row].tolist()
    assert tokenizer.encode(["[URL]"], max_length=8)[0].tolist() == [0, tokenizer.vocab_size - 1, 2]
    assert len(tokenizer.encode([], max_length=8)) == 0


def test_names_and_texts_of_added_ids(with_tokens):
    tokenizer = with_tokens(PLAIN)
    (row,) = tokenizer.encode(["the [USER] cat"], max_length=16).take([0])
    assert "[USER]" in tokenizer.tokens(row)
    assert tokenizer.decode(row) == "the [USER] cat"
    mask = tokenizer.vocab_size - 3
    assert tokenizer.tokens([mask]) == ["<mask>"]


def test_own_special_tokens_stay_plain_text(with_tokens, ids):
    (row,) = ids(with_tokens(PLAIN), ["a <s> [USER] </s><mask>"])
    mask = with_tokens(PLAIN).vocab_size - 3
    assert not {0, 1, 2, mask} & set(row[1:-1])


def test_fingerprint_tells_tokens_apart(with_tokens, sentencepiece_file):
    prints = {
        InfoXLMTokenizer(sentencepiece_file).fingerprint,
        with_tokens(PLAIN).fingerprint,
        with_tokens({"[USER]": {"lstrip": True}, "[URL]": {}}).fingerprint,
    }
    assert len(prints) == 3


# What cannot be honoured


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("added_tokens.json", {"[A]": 1000}, r"'\[A\]' has id 1000, not {size}"),
        ("added_tokens.json", {"▁the": 1000}, r"'▁the' has id 1000, not \d+\. Number"),
        ("added_tokens.json", {"[A]": "x"}, r"added_tokens.json: the added token 'x' is damaged"),
        ("added_tokens.json", {"[A]": -1}, r"the added token -1 is damaged"),
        ("added_tokens.json", {"<pad>": 500}, "gives <pad> the id 500, XLM-R's is 1"),
        ("added_tokens.json", [1], r"added_tokens.json is damaged: it is not a JSON object"),
        ("tokenizer_config.json", {"cls_token": "[CLS]"}, r"cls_token is '\[CLS\]', not '<s>'"),
        ("special_tokens_map.json", {"pad_token": {"content": "[PAD]"}}, r"pad_token is '\[PAD\]'"),
        ("tokenizer_config.json", {"truncation_side": "left"}, "truncation_side is 'left'"),
        ("tokenizer_config.json", {"add_prefix_space": False}, "add_prefix_space is False"),
        ("tokenizer_config.json", {"extra_special_tokens": ["<x>"]}, "token '<x>' an id"),
        ("tokenizer_config.json", {"extra_special_tokens": 5}, "extra_special_tokens .* is 5"),
        ("tokenizer_config.json", {"added_tokens_decoder": [7]}, "decoder is damaged"),
        ("tokenizer_config.json", {"added_tokens_decoder": {"x": {}}}, "decoder is damaged"),
        (
            "tokenizer_config.json",
            {"added_tokens_decoder": {"5": {"content": "x", "lstrip": 1}}},
            "the added token 5 is damaged",
        ),
    ],
)
def test_what_is_refused(sentencepiece_file, tmp_path, name, content, message):
    shutil.copy(sentencepiece_file, tmp_path / "sentencepiece.bpe.model")
    (tmp_path / name).write_text(json.dumps(content))
    size = InfoXLMTokenizer(sentencepiece_file).vocab_size
    with pytest.raises(UserError, match=message.replace("{size}", str(size))) as caught:
        InfoXLMTokenizer.from_pretrained(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (
            "tokenizer.json",
            lambda content: content["added_tokens"][-1].update(lstrip=True),
            r"disagree about the added token '\[URL\]'",
        ),
        (
            "tokenizer_config.json",
            lambda content: content.update(split_special_tokens=True),
            "split_special_tokens is true",
        ),
        (
            "tokenizer_config.json",
            lambda content: content.update(
                additional_special_tokens=[{"content": "[URL]", "rstrip": True}]
            ),
            r"disagree about rstrip of the special token '\[URL\]'",
        ),
    ],
)
def test_files_that_contradict_each_other(with_tokens, tmp_path, name, change, message):
    with_tokens(PLAIN).save_pretrained(tmp_path)
    content = json.loads((tmp_path / name).read_text())
    change(content)
    (tmp_path / name).write_text(json.dumps(content))
    with pytest.raises(UserError, match=message):
        InfoXLMTokenizer.from_pretrained(tmp_path)


def test_tokens_that_normalisation_makes_equal(with_tokens):
    with pytest.raises(UserError, match=r"'\[A\]' of the added token '［A］', and of '\[A\]' too"):
        with_tokens({"[A]": {}, "［A］": {}})
