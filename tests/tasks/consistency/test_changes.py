import numpy as np
import pytest

from infoxlm.constants import EOS_ID, UNK_ID
from infoxlm.data.examples import Examples
from infoxlm.tasks.consistency.changes import GaussianNoise, Translation, WordDropout
from infoxlm.tasks.consistency.texts import texts_of
from infoxlm.tasks.consistency.word_changes import CodeSwitching, SubwordSampling
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

PREMISES = ["the cat sat on the mat and the dog ran home", "a woman is playing the violin", ""]
HYPOTHESES = ["the dog ran home", "several people were waiting outside the station", "the cat"]


@pytest.fixture(scope="module")
def tokenizer(sentencepiece_file):
    return InfoXLMTokenizer(sentencepiece_file)


@pytest.fixture(scope="module")
def encoded(tokenizer):
    return tokenizer.encode(PREMISES, HYPOTHESES, max_length=128)


def copies(change, encoded, seeds=range(20), number=0):
    random = (np.random.default_rng(seed) for seed in seeds)
    return [change.copy(number, encoded[number], each) for each in random]


def decoded(tokenizer, ids):
    return [tokenizer.decode(text) for text in texts_of(ids)]


@pytest.mark.parametrize("number", range(3))
def test_subword_sampling_keeps_the_texts(tokenizer, encoded, number):
    change = SubwordSampling(tokenizer, 1.0, 0.3, 128)
    found = copies(change, encoded, number=number)
    assert len({ids.tobytes() for ids in found}) > (1 if number == 2 else 15)
    allowed = {*encoded.ids.tolist(), *change.ids_in_copies(encoded).tolist()}
    for ids in found:
        assert decoded(tokenizer, ids) == [PREMISES[number], HYPOTHESES[number]]
        assert set(ids.tolist()) <= allowed
        assert ids.dtype == np.int32


def test_a_copy_is_cut_to_the_length(tokenizer, encoded):
    for ids in copies(SubwordSampling(tokenizer, 1.0, 0.0, 12), encoded):
        assert len(ids) <= 12
        assert (ids == EOS_ID).sum() == 3


def test_words_are_switched_for_their_translations(tokenizer, encoded):
    dictionaries = {"de": {"cat": ["Hund", "kleine"], "dog": ["Garten"]}, "fr": {"cat": ["maison"]}}
    change = CodeSwitching(tokenizer, dictionaries, 1.0, 128)
    found = [decoded(tokenizer, ids) for ids in copies(change, encoded, range(200))]
    words = [texts[0].split() for texts in found]
    assert {len(each) for each in words} == {len(PREMISES[0].split())}
    kept = {" ".join(x for i, x in enumerate(each) if i not in (1, 8)) for each in words}
    assert kept == {"the sat on the mat and the ran home"}
    # Half of the draws are French, half German; only German has the second word.
    cats = [each[1] for each in words]
    for word, share in {"maison": 0.5, "Hund": 0.25, "kleine": 0.25}.items():
        assert abs(cats.count(word) / len(cats) - share) < 0.12
    assert set(cats) == {"maison", "Hund", "kleine"}
    assert {each[8] for each in words} == {"dog", "Garten"}
    assert {*change.ids_in_copies(encoded).tolist()} == {
        *tokenizer.pieces(["Hund", "kleine", "Garten", "maison"]).ids.tolist()
    }


def test_words_are_looked_up_in_lower_case_and_by_the_ratio(tokenizer):
    encoded = tokenizer.encode(["Hund hund Hund"], ["hunde"], max_length=64)
    change = CodeSwitching(tokenizer, {"en": {"hund": ["dog"]}}, 0.3, 128)
    found = [decoded(tokenizer, ids) for ids in copies(change, encoded, range(300))]
    assert {texts[1] for texts in found} == {"hunde"}
    switched = np.mean([texts[0].split().count("dog") for texts in found]) / 3
    assert 0.24 < switched < 0.36


def test_tokens_are_dropped_by_the_ratio(encoded):
    found = np.stack(copies(WordDropout(0.2), encoded, range(400)))
    special = encoded[0] <= UNK_ID
    assert (found[:, special] == encoded[0][special]).all()
    assert set(np.unique(found)) == {UNK_ID, *encoded[0].tolist()}
    assert abs((found[:, ~special] == UNK_ID).mean() - 0.2) < 0.03


def test_noise_leaves_the_ids(encoded):
    change = GaussianNoise(0.5)
    assert copies(change, encoded, range(1))[0] is not None
    assert change.noise == 0.5
    assert (copies(change, encoded, range(1))[0] == encoded[0]).all()
    assert not len(change.ids_in_copies(encoded))


def language(tokenizer, code, rows, words):
    texts = [f"{words[row % len(words)]} {row % 10}" for row in rows]
    token_ids = tokenizer.encode(texts, [f"{text} home" for text in texts], max_length=64)
    labels = {"labels": np.array(rows) % 3}
    return Examples(token_ids, labels, np.array(rows), code, f"train/{code}.tsv")


@pytest.fixture(scope="module")
def parallel(tokenizer):
    german = language(tokenizer, "de", [0, 1, 3, 4], ["Hund"])
    french = language(tokenizer, "fr", [0, 3, 4, 7], ["maison"])
    english = language(tokenizer, "en", [0, 1, 2, 3], ["dog"])
    return Examples.concatenate([english, german]), [german, french]


def test_translations_are_rows_of_the_same_number(tokenizer, parallel):
    examples, others = parallel
    change = Translation(examples, others, False, 64)
    seen = {
        number: {tuple(decoded(tokenizer, x)) for x in copies(change, examples.token_ids,
                                                              number=number)}
        for number in range(8)
    }  # fmt: skip
    assert seen == {
        0: {("Hund 0", "Hund 0 home"), ("maison 0", "maison 0 home")},
        1: {("Hund 1", "Hund 1 home")},
        2: {("dog 2", "dog 2 home")},  # no other language has it
        3: {("Hund 3", "Hund 3 home"), ("maison 3", "maison 3 home")},
        # German rows, never in German.
        4: {("maison 0", "maison 0 home")},
        5: {("Hund 1", "Hund 1 home")},
        6: {("maison 3", "maison 3 home")},
        7: {("maison 4", "maison 4 home")},
    }


def test_next_to_a_translation_comes_another_one_or_the_original(tokenizer, parallel):
    examples, others = parallel
    change = Translation(examples, others, False, 64)
    originals = examples.token_ids.take(range(8))
    german, french = (x.token_ids.take(range(4)) for x in others)

    def drawn(number, copy):
        found = [
            change.another(number, originals[number], copy, np.random.default_rng(seed))
            for seed in range(20)
        ]
        return {decoded(tokenizer, x)[0] for x in found}

    assert drawn(0, german[0]) == {"dog 0", "maison 0"}
    assert drawn(0, french[0]) == {"dog 0", "Hund 0"}
    assert drawn(1, german[1]) == {"dog 1"}
    assert drawn(4, french[0]) == {"Hund 0"}
    assert drawn(2, originals[2]) == {"dog 2"}  # no language has it


def test_sides_may_be_in_two_languages(tokenizer, parallel):
    examples, others = parallel
    change = Translation(examples, others, True, 64)
    found = copies(change, examples.token_ids, range(60))
    texts = {tuple(x.split()[0] for x in decoded(tokenizer, ids)) for ids in found}
    assert texts == {(a, b) for a in ("Hund", "maison") for b in ("Hund", "maison")}
