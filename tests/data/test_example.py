import pytest

from infoxlm.data.example import label_id, shown
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
def test_label_words(word: str | int, expected: int | None) -> None:
    assert label_id(word, "here") == expected


@pytest.mark.parametrize("word", ["", "Entailment", "maybe", "label"])
def test_unknown_label_is_refused_with_place_value_and_remedy(word: str) -> None:
    with pytest.raises(UserError) as error:
        label_id(word, "dev.tsv, line 7")
    message = str(error.value)
    assert message.startswith(f"dev.tsv, line 7: label {word!r} is refused")
    assert "entailment, neutral or contradiction" in message
    assert "\n" not in message


@pytest.mark.parametrize("word", ["0", "1", "2"])
def test_number_is_refused_with_the_reason(word: str) -> None:
    with pytest.raises(UserError, match="a number means other labels in other projects"):
        label_id(word, "here")


@pytest.mark.parametrize("number", [0, 1, 2, "0", " 1", "2.0"])
def test_numbers_mean_what_is_said(number: str | int) -> None:
    names = ("neutral", "Contradiction", "entailment")
    position = int(float(number))
    assert label_id(number, "here", names) == (1, 2, 0)[position]


@pytest.mark.parametrize("number", [3, "7", 10**30, "1.5", "٣"])
def test_numbers_without_a_name(number: str | int) -> None:
    with pytest.raises(UserError, match=rf"here: label '{number}' is refused, (there is no|unkn)"):
        label_id(number, "here", ("neutral", "contradiction", "entailment"))


def test_shown_is_one_short_line() -> None:
    assert shown("a\nb") == r"'a\nb'"
    assert shown("x" * 500) == repr("x" * 57 + "...")
