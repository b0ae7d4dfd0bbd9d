import pytest

from infoxlm.schema.json_shapes import (
    anything,
    brief,
    entries,
    fields,
    items,
    number,
    one_of,
    optional,
    scalar,
    text,
    whole,
)


@pytest.mark.parametrize(
    ("shape", "right", "wrong"),
    [
        (anything, [None, {}, [1]], []),
        (text, ["", "a"], [None, 1, ["a"]]),
        (scalar, [None, "a", 1, 0.5, True], [[], {}]),
        (whole(), [0, 2**31 - 1], [-1, 2**31, 1.0, True, "1", None, 10**90]),
        (whole(-2, 3), [-2, 3], [-3, 4]),
        (number(0, 1), [0, 1, 0.5], [-0.1, 1.1, True, "0", None, 10**90]),
        (one_of(["a", "b"]), ["a"], ["c", "ab", ["a"], None]),
        (optional(text), [None, "a"], [1]),
        (items(text), [[], ["a", "b"]], [["a", 1], "ab", {}, None]),
        (items(number(0, 1), 2), [[0, 1]], [[0], [0, 0, 0], [0, 2]]),
        (entries(whole()), [{}, {"a": 1}], [{"a": -1}, [], None]),
        (fields({"a": whole()}), [{}, {"a": 1}, {"b": "x"}], [{"a": None}, [], None]),
        (fields({}, required=["a"]), [{"a": None}], [{}, {"b": 1}]),
    ],
)  # fmt: skip
def test_shapes(shape, right, wrong):
    for value in right:
        shape(value)
    for value in wrong:
        with pytest.raises(ValueError, match="^(it|a|\\[[01]\\])") as caught:
            shape(value)
        assert "\n" not in str(caught.value)


def test_place_is_named():
    shape = fields({"dev": entries(items(whole(), 2))})
    with pytest.raises(ValueError, match=r"^dev\.en\[1\] is 'x', not a whole number from 0"):
        shape({"dev": {"de": [1, 2], "en": [1, "x"]}})
    with pytest.raises(ValueError, match=r"^dev\.en is \[1\], not a list of 2"):
        shape({"dev": {"en": [1]}})


def test_brief():
    assert brief("a" * 5) == "'aaaaa'"
    assert len(brief(list(range(1000)))) == 60
