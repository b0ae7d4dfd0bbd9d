import pytest
from omegaconf import OmegaConf

from infoxlm.data.label_set import LabelSet
from infoxlm.data.pawsx import WORDS as PAWSX
from infoxlm.data.xnli import LABELS
from infoxlm.errors import UserError


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("entailment", 0),
        ("neutral", 1),
        ("contradiction", 2),
        ("contradictory", 2),
        (" neutral ", 1),
        ("-", None),
        ("e", 0),
        ("n", 1),
        ("c", 2),
        ("-1", None),
        (-1, None),
    ],
)
def test_words_of_xnli(word: str | int, expected: int | None) -> None:
    assert LABELS.index(word, "here") == expected


@pytest.mark.parametrize("word", ["", "Entailment", "maybe", "label"])
def test_unknown_label_is_refused_with_place_value_and_remedy(word: str) -> None:
    with pytest.raises(UserError) as error:
        LABELS.index(word, "dev.tsv, line 7")
    message = str(error.value)
    assert message.startswith(f"dev.tsv, line 7: label {word!r} is refused")
    assert "entailment, neutral or contradiction" in message
    assert "\n" not in message


@pytest.mark.parametrize("word", ["0", "1", "2"])
def test_number_is_refused_with_the_reason(word: str) -> None:
    with pytest.raises(UserError, match="a number means other labels in other projects"):
        LABELS.index(word, "here")


@pytest.mark.parametrize("number", [0, 1, 2, "0", " 1", "2.0"])
def test_numbers_mean_what_is_said(number: str | int) -> None:
    labels = LABELS.with_numbers(("neutral", "Contradiction", "entailment"))
    position = int(float(number))
    assert labels.index(number, "here") == (1, 2, 0)[position]


@pytest.mark.parametrize("number", [3, "7", 10**30, "1.5", "٣"])
def test_numbers_without_a_name(number: str | int) -> None:
    labels = LABELS.with_numbers(("neutral", "contradiction", "entailment"))
    with pytest.raises(UserError, match=rf"here: label '{number}' is refused, (there is no|unkn)"):
        labels.index(number, "here")


@pytest.mark.parametrize("wrong", [[], ["entailment", "neutral"], ["neutral"] * 3, ["0", "1", "2"]])
def test_what_numbers_mean_is_named_with_the_labels_themselves(wrong: list[str]) -> None:
    with pytest.raises(UserError, match=r"^data.labels=\[.*\]\. Name what 0, 1 and 2 mean, in the"):
        LABELS.configured(wrong)
    assert LABELS.configured(None) is LABELS


def test_number_of_a_name_that_is_no_label() -> None:
    with pytest.raises(UserError, match="label '1' is refused, unknown"):
        LabelSet(("no", "yes"), numbers=("no", "1")).index(1, "here")


def test_words_that_are_numbers_are_words_first() -> None:
    labels = LabelSet(("-1", "1", "0"))
    assert [labels.index(label, "here") for label in (-1, "0", "1.0", "0.0")] == [0, 2, 1, 2]
    with pytest.raises(UserError, match=r"label '2' is refused, unknown\. Write -1, 1 or 0"):
        labels.index(2, "here")
    assert labels.index("-", "here") is None


def test_words_that_a_yaml_reads_as_truth_values() -> None:
    words = tuple(map(str, OmegaConf.create("[no, yes]")))
    with pytest.raises(UserError, match=r"'no' is refused.* False or True .* unless .* in quotes"):
        LabelSet(words, numbers=words, any_case=True).index("no", "here")


def test_numbers_of_pawsx_are_published() -> None:
    labels = LabelSet(PAWSX, numbers=PAWSX)
    assert [labels.index(label, "here") for label in ("0", 1, "paraphrase", -1)] == [0, 1, 1, None]
    with pytest.raises(UserError, match=r"no such number in data\.labels=\[not_paraphrase,paraph"):
        labels.index(2, "here")


@pytest.mark.parametrize(
    ("words", "named"),
    [(["Neutral", "e"], True), (["LABEL_0"], False), ([0, 1], False), ([["neutral"]], False)],
)
def test_names_of_a_file(words: list[object], named: bool) -> None:
    assert LABELS.names(words) is named
