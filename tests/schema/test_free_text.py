"""Whatever is typed as a sentence reaches the configuration as it was typed."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import example, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from infoxlm.schema.free_text import elements, literal, quote_free_text, typed_path

#: Everything a shell can hand over: all characters but NUL, lone surrogates for bytes that are
#: not UTF-8; and often what Hydra, OmegaConf and shells give a meaning to.
TEXTS = st.one_of(
    st.text(st.characters(exclude_characters="\0", exclude_categories=()), max_size=30),
    st.text(st.sampled_from("\\'\"${}?,=[]()<>#~*:;!@ \n\tax"), max_size=12),
)

AWKWARD = [
    "You don't have to stay here.<sep>You can not leave.",
    'a, b = "c"; [d] {e: f} (g)',
    "$HOME costs $5 or ${data.root} or \\${x} \\\\${y",
    "back\\slash\\ and \\' quote' at the end\\",
    "null", "???", "\\???", "true", "1e3", "_target_", "--multirun", "=", "text=x", "*", "# no",
    "two\nlines\tand a tab ", " leading and trailing ",
    "الولد يقرأ كتابا في البيت؟", "เด็กอ่านหนังสือ", "孩子在家里看书，狗在睡觉。", "👩🏽\u200d🚀 ¿qué?",
]  # fmt: skip


def parsed(word):
    """Parse a word with Hydra's grammar and OmegaConf, and return its value."""
    key, value = word.partition("=")[0], OverridesParser.create().parse_override(word).value()
    config = OmegaConf.create({key: value})
    return OmegaConf.to_container(config, resolve=True)[key]


@settings(max_examples=300, deadline=None)
@given(TEXTS)
@example("???")
@example("\\\\???")
@example("${")
@example("\\${'")
def test_a_text_survives_the_grammars(text):
    (word,) = quote_free_text([f"text={text}"], "predict")
    assert literal(parsed(word)) == text


@settings(max_examples=100, deadline=None)
@given(st.lists(TEXTS.map(lambda text: text.replace('"', "")), min_size=1, max_size=4))
def test_a_list_of_texts_survives_the_grammars(labels):
    typed = ",".join(f'"{label}"' for label in labels)
    (word,) = quote_free_text([f"labels=[{typed}]"], "predict")
    assert [literal(label) for label in parsed(word)] == labels


@settings(max_examples=10, deadline=None)
@given(TEXTS, TEXTS)
def test_a_text_reaches_the_composed_configuration(compose, premise, hypothesis):
    words = ["model.checkpoint=x", f"premise={premise}", f"hypothesis={hypothesis}"]
    config = compose("predict", *quote_free_text(words, "predict"))
    assert (config.premise, config.hypothesis) == (premise, hypothesis)


@pytest.mark.parametrize("text", AWKWARD)
def test_awkward_texts_reach_the_composed_configuration(compose, text):
    words = ["model.checkpoint=x", f"text={text}", f"template={text}", f"output={text}"]
    config = compose("predict", *quote_free_text(words, "predict"))
    assert (config.text, config.template, config.output) == (text, text, text)


@settings(max_examples=100, deadline=None)
@given(TEXTS)
@example("runs/data.eval_languages=[en,de],seed=1")
@example("/outputs/train/default/2026-11-27_23-16-00_115506_6d9c")
@example("/1.5")
@example("null")
def test_typed_path_is_read_as_the_path(path):
    assert literal(parsed(f"text={typed_path(path)}")) == path


def test_plain_path_is_typed_without_quotes():
    assert typed_path("/outputs/train/x-y/2026-11-27_1") == "/outputs/train/x-y/2026-11-27_1"


def test_other_words_stay_as_they_are():
    words = ["model.checkpoint=a b", "+text=a", "text", "--cfg", "job", "hardware.device=cpu"]
    assert quote_free_text(words, "predict") == words
    assert quote_free_text(["text=it's"], "train") == ["text=it's"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("[politics,sport]", ["politics", "sport"]),
        ("politics, sport", ["politics", "sport"]),
        ("[politics]", ["politics"]),
        ("[ 政治 , كرة القدم ]", ["政治", "كرة القدم"]),
        ('["art, music",sport]', ["art, music", "sport"]),
        ("['art, music',\"it's\"]", ["art, music", "it's"]),
        ("[l'économie,'90s music]", ["l'économie", "'90s music"]),
        ("[]", []),
        ("", []),
        ("[a,]", ["a", ""]),
        ("[,a]", ["", "a"]),
    ],
)
def test_elements(value, expected):
    assert elements(value) == expected
