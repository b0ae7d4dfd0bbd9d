"""The published figures agree with themselves and with what is known about them."""

import numpy as np
import pytest

from infoxlm.data.xnli import LANGUAGES
from infoxlm.tasks.classification.published import (
    CROSS_LINGUAL_TRANSFER,
    TRANSLATE_TRAIN_ALL,
    published,
)

ROWS = [*CROSS_LINGUAL_TRANSFER.values(), *TRANSLATE_TRAIN_ALL.values()]


def results(model="infoxlm_base", data="xnli", languages=LANGUAGES, classes=3, rows=5010):
    scores = {
        "accuracy": dict.fromkeys(languages, 0.5),
        "average": 0.5,
        "examples": dict.fromkeys(languages, rows),
        "confusion": {"all": [[1] * classes] * classes},
    }
    return {"model": model, "data": data, "test": scores}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_published_average_is_that_of_the_row(row):
    assert tuple(row.values) == LANGUAGES
    # Each figure is rounded to 0.1, and so is the average.
    assert np.mean(list(row.values.values())) == pytest.approx(row.average, abs=0.1)
    assert row.source


@pytest.mark.parametrize(("model", "gap"), [("infoxlm_base", 10.6), ("infoxlm_base_paddle", 10.37)])
def test_gap(model, gap):
    row = CROSS_LINGUAL_TRANSFER[model]
    found = row.values["en"] - row.non_english_average(LANGUAGES)
    assert found == pytest.approx(gap, abs=0.05)


def test_single_figures():
    assert CROSS_LINGUAL_TRANSFER["infoxlm_base"].values["sw"] == 67.5
    assert CROSS_LINGUAL_TRANSFER["infoxlm_large"].values["en"] == 89.7
    assert TRANSLATE_TRAIN_ALL["infoxlm_base"].values["ur"] == 71.6


@pytest.mark.parametrize(
    ("model", "data", "average", "same"),
    [
        ("infoxlm_base", "xnli", 76.5, True),
        ("infoxlm_large", "xnli", 81.4, True),
        ("e5_small", "xnli", 76.5, False),
        ("infoxlm_base", "translate_train", 79.7, True),
        ("infoxlm_large", "translate_train", 79.7, False),
        ("infoxlm_base", "sample", 76.5, False),
    ],
)
def test_row_that_belongs_next_to_a_run(model, data, average, same):
    row = published(results(model, data))
    assert (row.average, row.comparable) == (average, same)
    assert bool(row.caveats) is not same


def test_paws_x_has_its_own_row():
    languages = ("en", "de", "es", "fr", "ja", "ko", "zh")
    row = published(results("xlmr_base", "pawsx", languages, 2, 2000))
    assert (row.name, row.average_over(languages), row.caveats) == ("XLM-R base", 84.9, ())
    row = published(results("e5_small", "pawsx", ("en", "ko"), 2, 100))
    assert row.average_over(("en", "ko")) is None
    assert row.caveats == (
        "e5_small is another model: not comparable one to one with XLM-R base.",
        "Scored on 100 of the 2,000 rows a language.",
        "The paper's average is not over the languages scored, and is left out.",
    )


def test_rows_that_were_never_translated_are_told():
    found = results("xlmr_base", "pawsx", ("en", "ja"), 2)
    found["test"]["examples"] = {"en": 2000, "ja": 1943}
    assert not any("Scored on" in caveat for caveat in published(found).caveats)
    found["test"]["examples"] = {"de": 1968, "ja": 1943}
    assert published(found).caveats[0] == (
        "Scored on 1,943 to 1,968 of the 2,000 rows a language: rows without both sentences are "
        "left out."
    )


def test_labels_of_ones_own_have_no_row():
    assert published(results(data="pairs")) is None
    assert published(results(data="mine", classes=4)) is None


def test_languages_without_a_figure():
    row = published(results(languages=("en", "ko", "de")))
    assert row.average_over(("en", "ko", "de")) is None
    assert row.non_english_average(("en", "ko", "de")) is None
    assert "The paper's average is not over the languages scored, and is left out." in row.caveats
    assert row.average_over(("en", "de")) == (86.4 + 79.3) / 2


@pytest.mark.parametrize(
    ("data", "pairs", "caveats"),
    [
        ("xnli", 392_702, ()),
        ("xnli", 3_000, ("Trained on 3,000 of 392,702 pairs.",)),
        ("translate_train", 392_702, ("Trained on 392,702 of 5,890,530 pairs.",)),
        ("translate_train", 15 * 392_702, ()),
        ("xnli", None, ()),
    ],
)
def test_fewer_training_pairs_are_told(data, pairs, caveats):
    found = results(data=data) | {"train": {"examples": pairs}}
    assert published(found).caveats == caveats


@pytest.mark.parametrize(
    ("languages", "caveat"),
    [
        (["en"], "The average is that of en alone, the paper's as well."),
        (["de"], "The average is that of de alone, the paper's as well."),
        (["en", "de"], "Average and gap are over the 2 languages scored, the paper's as well."),
        (["fr", "de"], "The average is over the 2 languages scored, the paper's as well."),
        (LANGUAGES, None),
    ],
)
def test_fewer_languages_are_told(languages, caveat):
    assert published(results(languages=languages)).caveats == (() if caveat is None else (caveat,))
