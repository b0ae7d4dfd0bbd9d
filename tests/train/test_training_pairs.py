import numpy as np
import pytest

from infoxlm.data.token_cache import EncodedExamples
from infoxlm.errors import UserError
from infoxlm.train.training_pairs import PairOrigins

#: Rows of a file that carry a label, by language, in the order they are trained on.
ROWS = {"de": [0, 1, 5], "en": [2, 3], "sw": [0, 7, 8, 9]}


@pytest.fixture
def origins():
    parts = [EncodedExamples(None, None, np.array(rows), code) for code, rows in ROWS.items()]
    return PairOrigins(parts, {code: f"train/{code}.tsv" for code in ROWS})


def test_every_pair_has_a_language_a_file_and_a_row(origins):
    places = [(code, row) for code, rows in ROWS.items() for row in rows]
    for pair, (language, row) in enumerate(places):
        found = origins.of(pair)
        assert found == {"language": language, "file": f"train/{language}.tsv", "row": row}
        assert {type(value) for value in found.values()} == {str, int}
        assert origins.find(language, row) == pair


@pytest.mark.parametrize(
    ("language", "row"), [("de", 2), ("de", 6), ("en", 0), ("sw", 10), ("fr", 0), ("en", -1)]
)
def test_a_row_that_is_no_training_pair_is_refused(language, row, origins):
    with pytest.raises(UserError, match=f"row {row} of language {language} is not among"):
        origins.find(language, row)
