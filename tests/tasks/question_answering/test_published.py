import pytest

from infoxlm.evaluate.published import compare_with_published
from infoxlm.tasks.question_answering.published import (
    MLQA_EXAMPLES,
    MLQA_LANGUAGES,
    XQUAD_EXAMPLES,
    XQUAD_LANGUAGES,
    published,
)

TWELVE = (*XQUAD_LANGUAGES, "ro")


def results(model="xlmr_base", data="xquad", languages=TWELVE, split="test", **more):
    examples = XQUAD_EXAMPLES if data == "xquad" else MLQA_EXAMPLES[split]
    scores = {
        "f1": dict.fromkeys(languages, 0.5) | ({"ro": 0.9} if "ro" in languages else {}),
        "exact_match": dict.fromkeys(languages, 0.25),
        "metric": {"name": "f1"},
        "secondary_metrics": [{"name": "exact_match"}],
        "average": 0.5,
        "examples": {language: examples.get(language, 100) for language in languages},
        "rules": "squad" if data == "xquad" else "mlqa",
    }
    return {"model": model, "data": data, split: {**scores, **more}}


@pytest.mark.parametrize(
    ("model", "data", "f1", "exact_match"),
    [
        ("xlmr_base", "xquad", 71.9, 56.4),
        ("xlmr_base", "mlqa", 65.1, 47.2),
        ("xlm_align_base", "xquad", 74.7, 59.0),
        ("xlm_align_base", "mlqa", 68.1, 49.8),
        ("e5_small", "mlqa", 65.1, 47.2),
    ],
)
def test_rows(model, data, f1, exact_match):
    row = published(results(model, data, XQUAD_LANGUAGES if data == "xquad" else MLQA_LANGUAGES))
    assert (row.average, row.secondary) == (f1, {"exact_match": exact_match})
    assert row.comparable is (model != "e5_small")
    assert bool(row.caveats) is (model == "e5_small")


def test_ro_was_not_published():
    found = results()
    comparison = compare_with_published(found, published(found))
    assert comparison.average.published is None
    assert comparison.average.score == pytest.approx((11 * 0.5 + 0.9) / 12)
    shared = comparison.shared
    assert (shared.name, shared.score) == ("without ro", 0.5)
    assert shared.published == pytest.approx(0.719)
    assert (shared.secondary, shared.published_secondary) == (
        {"exact_match": 0.25}, {"exact_match": pytest.approx(0.564)},
    )  # fmt: skip
    assert comparison.caveats == (
        "The published average is over 11 languages, without ro: it stands next to ours over the "
        "same.",
    )


def test_other_data_has_no_row():
    assert published(results(data="xquad") | {"data": "squad"}) is None


def test_dev_of_mlqa():
    found = results(data="mlqa", languages=MLQA_LANGUAGES, split="dev")
    assert published(found).caveats == (
        "These are dev scores; the published are of MLQA's test set.",
    )


def test_another_model_is_told_where_the_row_is_shown():
    (caveat,) = published(results("e5_small", languages=XQUAD_LANGUAGES)).caveats
    assert caveat == "e5_small is another model: not comparable one to one with XLM-R base."


def test_what_was_scored_otherwise():
    found = results("e5_small", languages=("en", "de"), rules="mlqa")
    found["test"]["examples"] = {"en": 300, "de": 1190}
    assert published(found).caveats == (  # not that the model is another: no row is shown
        "The published average is over other languages than the scored, and is left out: "
        "ar el es hi ru th tr vi zh are missing.",
        "Not all of XQuAD's questions were scored: 300 of 1,190 in en.",
        "Scored by other rules than XQuAD's.",
    )
    assert compare_with_published(found, published(found)).shared is None


def test_a_checkpoint_that_test_chose():
    for settings in ({}, {"data.dev_root": "null"}):  # as `flat_settings` writes it
        found = results(languages=XQUAD_LANGUAGES) | {"best_step": 10, "settings": settings}
        (caveat,) = published(found).caveats
        assert caveat.startswith("The checkpoint was chosen by the same questions")
    found["settings"] = {"data.dev_root": "dev-v1.1.json"}
    assert published(found).caveats == ()
