import pytest

from infoxlm.data.language_files import XLMR_LANGUAGES
from infoxlm.data.scripts import rows_in_script, script_of, written_in
from infoxlm.data.source import EMBEDDED, open_source


def test_the_sample_is_written_in_its_languages_scripts():
    source = open_source(EMBEDDED)
    for language in source.languages("dev"):
        pairs = list(source.read("dev", language))
        texts = [pair.premise for pair in pairs], [pair.hypothesis for pair in pairs]
        assert rows_in_script(language, *texts).all(), language
        if language in ("ar", "bg", "el", "hi", "ru", "th", "ur", "zh"):
            assert not rows_in_script("en", *texts).any(), language


def test_a_script_is_the_languages_unless_the_code_names_one():
    codes = {"ur": "Arab", "zh": "Hans", "zh-Hant": "Hant", "sr_Latn": "Latn", "uz-Cyrl-UZ": "Cyrl"}
    assert {code: script_of(code) for code in codes} == codes
    assert script_of("pt-BR") == "Latn"
    assert script_of("xx") is None
    # Of those without a usual script: two are written in either, or are not in the list.
    assert {code for code in XLMR_LANGUAGES if script_of(code) is None} == {
        "az", "bs", "ku", "sr", "su", "uz"
    } - {"su"}  # fmt: skip


@pytest.mark.parametrize(
    ("script", "text", "expected"),
    [
        ("Deva", "Mujhe nahi pata tha", False),
        ("Deva", "मुझे नहीं पता था", True),
        ("Deva", "मैं Microsoft Windows और Google Chrome चलाता हूँ", True),
        ("Hans", "他继续住在Augusta。", True),
        ("Kore", "한국어", True),
        ("Kore", "\u1112\u1161\u11ab", True),  # the same in parts
        ("Jpan", "コーヒー", True),
        ("Arab", "12 + 30 = 42!", True),  # without letters in any script
        ("Arab", "", True),
        ("Latn", "вода", False),
    ],
)
def test_a_text_is_in_a_script_by_its_letters(script, text, expected):
    assert written_in(script, text) is expected


def test_both_texts_of_a_row_count():
    premises = ["میں گھر گیا", "main ghar gaya", "میں گھر گیا"]
    hypotheses = ["وہ گیا", "وہ گیا", "woh gaya"]
    assert rows_in_script("ur", premises, hypotheses).tolist() == [True, False, False]
    assert rows_in_script("xx", premises, hypotheses).all()
