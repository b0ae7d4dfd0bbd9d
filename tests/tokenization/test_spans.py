import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infoxlm.tokenization.spans import SPACES, places_of_pairs
from infoxlm.tokenization.tokenizer import FEW, InfoXLMTokenizer

#: Every code point, lone surrogates too.
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=40)

SCRIPTS = {
    "ar": "أمس اشترينا سيارة جديدة، 25 % أرخص.",
    "bn": "আমি বাড়িতে বই পড়ি।",
    "de": "Gestern „fuhr“ Jürgen übers Eis – 3 km.",
    "el": "Το παιδί διαβάζει ένα βιβλίο στο σπίτι;",
    "en": "The cat's  mat,\tand\nthe dog.",
    "hi": "बच्चा घर पर किताब पढ़ रहा है।",
    "ja": "昨日、新しい車を買いました。",
    "ka": "ბავშვი კითხულობს წიგნს.",
    "ko": "아이가 집에서 책을 읽는다.",
    "ru": "Маленький мальчик читает «книгу» дома…",
    "ta": "குழந்தை புத்தகம் படிக்கிறது.",
    "th": "เด็กอ่านหนังสือ อยู่ที่บ้าน",
    "tr": "Çocuk İstanbul'da kitap okuyor.",
    "ur": "بچہ گھر میں کتاب پڑھ رہا ہے۔",
    "vi": "Hôm qua chúng tôi mua xe mới.",
    "zh": "孩子在家里看书, 狗在 睡觉。",
    "emoji": "👍🏽 ok 🏳️ 𝒳 𐍈",
}

TOKENS = {
    "[USER]": {},
    "[US": {"normalized": False},
    "<e1>": {"lstrip": True, "normalized": False},
    "xé": {"lstrip": True},
}
FRAGMENTS = [
    *TOKENS, "ＵＳＥＲ", "［USER］", "xe\u0301", "the",
    "Hund", "狗", "ﬁ", "㎞", " ", "  ", "\u3000", "\n",
]  # fmt: skip


@pytest.fixture(scope="session")
def tokenizer(sentencepiece_file):
    return InfoXLMTokenizer(sentencepiece_file)


def cut_out(tokenizer, text):
    """The characters of each token, and its name without the space."""
    spanned = tokenizer.spanned_pieces([text])
    names = tokenizer.tokens(spanned.token_ids[0])
    return [
        (name.lstrip("▁"), text[start:end])
        for name, (start, end) in zip(names, spanned[0].tolist(), strict=True)
    ]


@pytest.mark.parametrize("language", SCRIPTS)
def test_every_script_comes_back(tokenizer, language):
    text = SCRIPTS[language]
    found = cut_out(tokenizer, text)
    assert "".join(cut for _, cut in found) == "".join(text.split())
    for name, cut in found:
        # Of the three dots of U+2026 the last one has the character.
        assert name in ("<unk>", ".", unicodedata.normalize("NFKC", cut))
        assert cut == cut.strip()


@pytest.mark.parametrize("language", SCRIPTS)
def test_every_script_with_the_real_vocabulary(e5_torch, language):
    text = SCRIPTS[language]
    found = cut_out(InfoXLMTokenizer.from_pretrained(e5_torch), text)
    assert "".join(cut for _, cut in found) == "".join(text.split())
    assert len(text.split()) <= len(found) < len(text)


def test_characters_that_normalisation_changes(tokenizer):
    # Wide letters, a ligature, a letter and its accent, a space that is three bytes.
    assert cut_out(tokenizer, "ｔｈｅ") == [("t", "ｔ"), ("he", "ｈｅ")]
    cut = [part for _, part in cut_out(tokenizer, "\u3000caf\u0065\u0301\u3000ﬁn")]
    assert "".join(cut) == "caf\u0065\u0301ﬁn"
    assert "\u0065\u0301" in "|".join(cut)
    # Of the pieces of one character the last has it, the others lie before it.
    spans = tokenizer.spanned_pieces(["1㍿2"])[0]
    assert spans[:, 1].max() == 3 and (np.diff(spans[:, 1]) >= 0).all()


@pytest.mark.parametrize("space", [" ", "\u3000", "\u200b", " \ufeff", "\t\n "])
def test_spaces_are_no_part_of_an_answer(tokenizer, space):
    cuts = [cut for _, cut in cut_out(tokenizer, f"dog{space}cat")]
    assert "".join(cuts) == "dogcat"


@settings(max_examples=200, deadline=None)
@given(st.lists(ANY_TEXT, max_size=4))
def test_any_texts(tokenizer, texts):
    spanned = tokenizer.spanned_pieces(texts)
    bare = tokenizer.pieces(texts)
    np.testing.assert_array_equal(spanned.token_ids.ids, bare.ids)
    np.testing.assert_array_equal(spanned.token_ids.offsets, bare.offsets)
    assert spanned.spans.dtype == np.int32 and spanned.spans.shape == (len(bare.ids), 2)
    for row, text in enumerate(texts):
        check_spans(spanned[row], text)
        left_out = np.ones(len(text), bool)
        for start, end in spanned[row]:
            left_out[start:end] = False
        # What no token covers says nothing: spaces, and what the normaliser removes.
        rest = [text[place] for place in np.flatnonzero(left_out)]
        assert not tokenizer.pieces([x for x in rest if not x.isspace()]).lengths.any()


def check_spans(spans, text):
    assert (spans[:, 0] <= spans[:, 1]).all() and (spans >= 0).all() and (spans <= len(text)).all()
    assert (np.diff(spans, axis=0) >= 0).all()


def test_many_texts_are_encoded_as_few(tokenizer):
    texts = [f"{text} {number}" for number in range(FEW) for text in SCRIPTS.values()]
    together = tokenizer.spanned_pieces(texts)
    for row, text in enumerate(texts):
        alone = tokenizer.spanned_pieces([text])
        np.testing.assert_array_equal(alone[0], together[row])


def test_halves_of_characters(tokenizer):
    assert places_of_pairs("a\ud83d\ude00b\ud83d").tolist() == [0, 1, 3, 4, 5]
    assert [cut for _, cut in cut_out(tokenizer, "\ud83d\ude00 the")] == [
        "", "\ud83d\ude00", "t", "he",
    ]  # fmt: skip


@pytest.mark.parametrize("keeps_spaces", [False, True])
def test_added_tokens(with_tokens, keeps_spaces):
    tokenizer = with_tokens(TOKENS, keeps_spaces)
    found = cut_out(tokenizer, "the  ［USER］ Hund ﬁ <e1>xe\u0301the [US")
    added = [(name, cut) for name, cut in found if name in TOKENS]
    assert added == [("[USER]", "［USER］"), ("<e1>", "<e1>"), ("xé", "xe\u0301"), ("[US", "[US")]
    assert found[0] == ("t", "t") and found[-3:-1] == [("t", "t"), ("he", "he")]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=10).map("".join), st.booleans())
def test_any_text_with_added_tokens(with_tokens, text, keeps_spaces):
    tokenizer = with_tokens(TOKENS, keeps_spaces)
    spanned = tokenizer.spanned_pieces([text])
    np.testing.assert_array_equal(spanned.token_ids.ids, tokenizer.pieces([text]).ids)
    check_spans(spanned[0], text)
    for name, (start, end) in zip(
        tokenizer.tokens(spanned.token_ids[0]), spanned[0].tolist(), strict=True
    ):
        if name in TOKENS:
            assert unicodedata.normalize("NFKC", text[start:end]).strip() == name


def test_as_in_transformers(tokenizer, theirs, tmp_path):
    tokenizer.save_pretrained(tmp_path)
    fast = theirs(tmp_path)
    for text in SCRIPTS.values():
        their = fast(text, add_special_tokens=False, return_offsets_mapping=True)
        spanned = tokenizer.spanned_pieces([text])
        assert spanned.token_ids.ids.tolist() == their["input_ids"]
        for own, (start, end) in zip(spanned[0].tolist(), their["offset_mapping"], strict=True):
            # The space before a word is part of their token, and so is the first character of a
            # text of the space that is put before it.
            space = text[start:end].startswith(tuple(SPACES))
            assert own == [start + space, end] or own[0] == own[1], text
