"""The published figures agree with themselves and with what is known about them."""

import numpy as np
import pytest

from infoxlm.constants import LANGUAGES
from infoxlm.evaluate.paper import (
    CROSS_LINGUAL_TRANSFER,
    TATOEBA,
    TATOEBA_AVERAGE,
    TRANSLATE_TRAIN_ALL,
    reference_row,
)

ROWS = [*CROSS_LINGUAL_TRANSFER.values(), *TRANSLATE_TRAIN_ALL.values()]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_published_average_is_that_of_the_row(row):
    assert tuple(row.accuracy) == LANGUAGES
    # Each figure is rounded to 0.1, and so is the average.
    assert np.mean(list(row.accuracy.values())) == pytest.approx(row.average, abs=0.1)
    assert row.source


@pytest.mark.parametrize(("model", "gap"), [("infoxlm_base", 10.6), ("infoxlm_base_paddle", 10.37)])
def test_gap(model, gap):
    assert CROSS_LINGUAL_TRANSFER[model].gap == pytest.approx(gap, abs=0.05)


def test_single_figures():
    assert CROSS_LINGUAL_TRANSFER["infoxlm_base"].accuracy["sw"] == 67.5
    assert CROSS_LINGUAL_TRANSFER["infoxlm_large"].accuracy["en"] == 89.7
    assert TRANSLATE_TRAIN_ALL["infoxlm_base"].accuracy["ur"] == 71.6


def test_tatoeba_average():
    assert tuple(TATOEBA) == tuple(language for language in LANGUAGES if language != "en")
    assert np.mean(list(TATOEBA.values()), axis=0) == pytest.approx(TATOEBA_AVERAGE, abs=5e-4)


@pytest.mark.parametrize(
    ("model", "data", "average", "same"),
    [
        ("infoxlm_base", "xnli", 76.5, True),
        ("infoxlm_large", "xnli", 81.4, True),
        ("e5_small", "xnli", 76.5, False),
        ("infoxlm_base", "translate_train", 79.7, True),
        ("infoxlm_large", "translate_train", 79.7, False),
    ],
)
def test_reference_row(model, data, average, same):
    row, is_same = reference_row(model, data)
    assert (row.average, is_same) == (average, same)
