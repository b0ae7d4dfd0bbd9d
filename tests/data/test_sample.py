"""The embedded sample is balanced, parallel, and not won by looking at half of it."""

import re
from collections import Counter

import numpy as np
import pytest

from infoxlm.data.source import EMBEDDED, open_source
from infoxlm.data.xnli import LABELS, LANGUAGES

CHANCE, ALLOWED = 1 / 3, 0.08


@pytest.fixture(scope="module")
def source():
    return open_source(EMBEDDED)


@pytest.fixture(scope="module")
def training(source):
    return list(source.read("train", "en"))


def test_sizes_and_balance(source, training):
    assert source.languages("train") == ("en",)
    assert len(training) >= 360
    assert set(Counter(pair.label for pair in training).values()) == {len(training) // 3}
    for split, least in (("dev", 30), ("test", 60)):
        assert source.languages(split) == LANGUAGES
        for language in LANGUAGES:
            pairs = list(source.read(split, language))
            assert len(pairs) >= least
            assert set(Counter(pair.label for pair in pairs).values()) == {len(pairs) // 3}


def test_dev_and_test_are_parallel_and_translated(source):
    for split in ("dev", "test"):
        english = list(source.read(split, "en"))
        for language in set(LANGUAGES) - {"en"}:
            pairs = list(source.read(split, language))
            assert [pair.label for pair in pairs] == [pair.label for pair in english]
            assert not {pair.premise for pair in pairs} & {pair.premise for pair in english}
            # Threes stay threes: translations of one hypothesis are the same sentence.
            for start in range(0, len(pairs), 3):
                assert len({pair.hypothesis for pair in pairs[start : start + 3]}) == 1
                assert {pair.label for pair in pairs[start : start + 3]} == set(
                    range(len(LABELS.words))
                )


def test_no_sentence_of_dev_or_test_is_trained_on(source, training):
    seen = {text for pair in training for text in (pair.premise, pair.hypothesis)}
    for split in ("dev", "test"):
        for pair in source.read(split, "en"):
            assert not {pair.premise, pair.hypothesis} & seen


def overlap(premise: str, hypothesis: str) -> list[float]:
    words = [set(re.findall(r"\w+", text.lower())) for text in (premise, hypothesis)]
    common = len(words[0] & words[1])
    shares = [common / len(words[0]), common / len(words[1]), common / len(words[0] | words[1])]
    return [*shares, common]


def baseline(features, training, classifier) -> float:
    """Accuracy in cross-validation; a triad is never split between training and testing."""
    from sklearn.model_selection import GroupKFold, cross_val_predict

    labels = np.array([pair.label for pair in training])
    triads = np.unique([pair.hypothesis for pair in training], return_inverse=True)[1]
    folds = GroupKFold(10, shuffle=True, random_state=0)
    predicted = cross_val_predict(classifier, features, labels, groups=triads, cv=folds)
    return float((predicted == labels).mean())


@pytest.mark.parametrize(("part", "allowed"), [("hypothesis", ALLOWED), ("premise", 0.1)])
def test_one_sentence_alone_does_not_predict(training, part, allowed):
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    words = make_pipeline(CountVectorizer(ngram_range=(1, 2)), LogisticRegression(max_iter=1000))
    accuracy = baseline(np.array([getattr(pair, part) for pair in training]), training, words)
    print(f"{part} alone: {accuracy:.3f}")
    assert accuracy == pytest.approx(CHANCE, abs=allowed)


@pytest.mark.parametrize("kind", ["logistic regression", "trees"])
def test_word_overlap_does_not_predict(training, kind):
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression

    features = np.array([overlap(pair.premise, pair.hypothesis) for pair in training])
    classifiers = {
        "logistic regression": LogisticRegression(max_iter=1000),
        "trees": GradientBoostingClassifier(n_estimators=60, random_state=0),
    }
    accuracy = baseline(features, training, classifiers[kind])
    print(f"word overlap, {kind}: {accuracy:.3f}")
    assert accuracy == pytest.approx(CHANCE, abs=ALLOWED)
