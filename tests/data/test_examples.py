import numpy as np
import pytest

from infoxlm.data.examples import Examples
from infoxlm.errors import UserError
from infoxlm.tokenization.token_ids import TokenIds

#: Rows of a file that carry a label, by language, in the order they are trained on.
ROWS = {"de": [0, 1, 5], "en": [2, 3], "sw": [0, 7, 8, 9]}


@pytest.fixture
def parts(random_token_ids):
    """The examples of each language, whose labels count on from one to the next."""
    starts = np.cumsum([0, *map(len, ROWS.values())])
    return [
        Examples(
            random_token_ids(len(rows), seed=number),
            {"labels": starts[number] + np.arange(len(rows))},
            np.array(rows),
            language,
            f"train/{language}.tsv",
        )
        for number, (language, rows) in enumerate(ROWS.items())
    ]


@pytest.fixture
def joined(parts):
    return Examples.concatenate(parts)


def test_every_example_has_a_language_a_file_and_a_row(joined):
    places = [(code, row) for code, rows in ROWS.items() for row in rows]
    assert len(joined) == len(places)
    assert joined.languages.tolist() == [language for language, _ in places]
    for number, (language, row) in enumerate(places):
        found = joined.origin(number)
        assert found == {"language": language, "file": f"train/{language}.tsv", "row": row}
        assert {type(value) for value in found.values()} == {str, int}
        assert joined.find(language, row) == number


@pytest.mark.parametrize("number", [9, 100])
def test_origin_past_the_end_raises(number, joined):
    with pytest.raises(IndexError):
        joined.origin(number)


@pytest.mark.parametrize(
    ("language", "row"), [("de", 2), ("de", 6), ("en", 0), ("sw", 10), ("fr", 0), ("en", -1)]
)
def test_find_refuses_rows_that_are_not_there(language, row, joined):
    with pytest.raises(UserError, match=f"row {row} of language {language} is not among"):
        joined.find(language, row)


def test_one_part_is_itself(parts):
    alone = Examples.concatenate(parts[:1])
    assert alone.origin(2) == {"language": "de", "file": "train/de.tsv", "row": 5}
    assert alone.find("de", 5) == 2
    assert alone.languages.tolist() == ["de"] * 3


def test_concatenate_keeps_tokens_targets_and_rows(parts, joined):
    token_ids = TokenIds.concatenate([part.token_ids for part in parts])
    np.testing.assert_array_equal(joined.token_ids.ids, token_ids.ids)
    np.testing.assert_array_equal(joined.token_ids.offsets, token_ids.offsets)
    assert joined.targets["labels"].tolist() == list(range(9))
    assert joined.rows.tolist() == sum(ROWS.values(), [])
    assert set(joined.ids_in_use()) == {x for part in parts for x in part.token_ids.ids}


def test_micro_batches_are_rows_of_the_batch(joined):
    batch = joined.batch(np.array([8, 0, 4]), (1, 2, 3))
    np.testing.assert_array_equal(batch.lengths, joined.token_ids.lengths[[8, 0, 4]])
    np.testing.assert_array_equal(batch.weights, [1, 1, 1])
    arrays = batch.arrays(np.array([2, 0]))
    assert arrays.keys() == {"input_ids", "labels"}
    np.testing.assert_array_equal(arrays["input_ids"], joined.token_ids.padded(np.array([4, 8])))
    assert arrays["labels"].tolist() == [4, 8]


def test_a_row_may_make_several_examples(random_token_ids):
    rows = np.array([0, 2, 2, 2, 5])
    several = Examples(random_token_ids(5), {}, rows, "el", "train/el.json")
    places = [several.origin(number) for number in range(5)]
    assert [place.get("sequence") for place in places] == [None, 0, 1, 2, None]
    for number, place in enumerate(places):
        assert several.find("el", int(place["row"]), int(place.get("sequence", 0))) == number
    for row, sequence in ((0, 1), (2, 3), (5, 1)):
        with pytest.raises(UserError, match=f"row {row} of language el is not among"):
            several.find("el", row, sequence)
