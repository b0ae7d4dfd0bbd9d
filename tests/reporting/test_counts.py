"""Counts with their nouns."""

import pytest

from infoxlm.reporting.counts import counted


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (11873, "11,873 rows")]
)
def test_one_is_singular(number, said):
    assert counted(number, "row") == said
