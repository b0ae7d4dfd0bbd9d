import numpy as np
import pytest

import infoxlm.deploy.predictor as predictor_module
import infoxlm.tasks.classification.zero_shot as module
from infoxlm.data.xnli import WORDS as LABELS_OF_XNLI
from infoxlm.deploy import Predictor, ZeroShotClassifier
from infoxlm.errors import UserError

TEXTS = [
    "the cat sat on the mat",
    "le garçon mange une pomme rouge à la maison",
    "昨天我们买了新车",
    "çocuk evde",
]
LABELS = ["home", "play", "new shoes"]


@pytest.fixture(scope="module")
def predictor(checkpoint):
    return Predictor.load(checkpoint, max_length=38)


#: What checkpoints call their labels: ours, bart-large-mnli's order, two that decide by position,
#: and those of models that were fine-tuned on many data sets as entailment or not.
WORDS = [
    LABELS_OF_XNLI,
    ("contradiction", "neutral", "entailment"),
    ("CONTRADICTION", "ENTAILMENT", "NEUTRAL"),
    ("neutral", "entailment", "contradiction"),
    ("entailment", "not_entailment"),
    ("not_entailment", "entailment"),
]


@pytest.fixture(scope="module", params=WORDS, ids="-".join)
def peers(request, make_checkpoint, tmp_path_factory):
    """A checkpoint as others label it, with positions for long texts, and Hugging Face's
    pipeline on the same weights."""
    transformers = pytest.importorskip("transformers")
    from infoxlm.convert import convert_to_torch

    # The pipeline looks into label2id, this project into id2label.
    label2id = {label: column for column, label in enumerate(request.param)}
    id2label = dict(enumerate(request.param))
    roomy = make_checkpoint(id2label=id2label, label2id=label2id, max_position_embeddings=140)
    folder = tmp_path_factory.mktemp("torch") / "model"
    convert_to_torch(roomy, folder)
    tokenizer = transformers.XLMRobertaTokenizer.from_pretrained(folder)
    model = transformers.XLMRobertaForSequenceClassification.from_pretrained(folder)
    assert model.config.label2id == label2id
    pipeline = transformers.pipeline("zero-shot-classification", model=model, tokenizer=tokenizer)
    return Predictor.load(roomy, max_length=138), pipeline


@pytest.mark.parametrize(
    ("labels", "options"),
    [
        (LABELS, {}),
        (LABELS, {"template": "the dog and the {} in the park."}),
        (LABELS, {"multi_label": True}),
        (LABELS[:1], {}),
    ],
)
def test_scores_are_those_of_hugging_faces_pipeline(peers, labels, options):
    predictor, pipeline = peers
    found = ZeroShotClassifier(predictor, labels, **options).predict(TEXTS)
    expected = pipeline(
        TEXTS,
        labels,
        hypothesis_template=options.get("template", "This example is {}."),
        multi_label=options.get("multi_label", False),
    )
    for prediction, theirs in zip(found, expected, strict=True):
        assert list(prediction.probabilities) == theirs["labels"]
        assert list(prediction.probabilities.values()) == pytest.approx(theirs["scores"], abs=1e-5)
        assert prediction.label == theirs["labels"][0]


def test_columns_are_found_by_their_words(predictor):
    """The model's labels are contradiction, entailment, neutral: not in the usual order."""
    hypotheses = [f"This example is {label}." for label in LABELS]
    encoded = predictor.encode([(TEXTS[0], hypothesis) for hypothesis in hypotheses])
    entailment = np.exp(np.stack(predictor.outputs(encoded.token_ids))[:, 1])
    contradiction = np.exp(np.stack(predictor.outputs(encoded.token_ids))[:, 0])
    (shared,) = ZeroShotClassifier(predictor, LABELS).predict(TEXTS[:1])
    (own,) = ZeroShotClassifier(predictor, LABELS, multi_label=True).predict(TEXTS[:1])
    for column, label in enumerate(LABELS):
        share = entailment[column] / entailment.sum()
        assert shared.probabilities[label] == pytest.approx(share, abs=1e-5)
        odds = entailment[column] / contradiction[column]
        assert own.probabilities[label] == pytest.approx(odds / (1 + odds), abs=1e-5)


def test_chunks_do_not_change_the_result(predictor, monkeypatch):
    classifier = ZeroShotClassifier(predictor, LABELS)
    at_once = classifier.predict(TEXTS)
    monkeypatch.setattr(predictor_module, "CHUNK", 6)
    for one, other in zip(classifier.stream(iter(TEXTS)), at_once, strict=True):
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-5)
    assert classifier.predict([]) == []


def test_truncation_shows(predictor):
    classifier = ZeroShotClassifier(predictor, ["a", "b"], "{}")
    assert [x.truncated for x in classifier.predict(["a b", "a b " * 40])] == [False, True]


def test_a_template_may_hold_other_braces(predictor):
    classifier = ZeroShotClassifier(predictor, ["a", "{x}"], "{0} {} {}")
    assert classifier.predictor.inference.hypotheses == ["{0} a a", "{0} {x} {x}"]


@pytest.mark.parametrize(
    ("labels", "template", "message"),
    [
        (LABELS, "This example is about", "template='This example is about' has no {}"),
        ([], "{}", "Name at least one label"),
        (["a", " "], "{}", "leave none empty"),
        (["a", "b", "a"], "{}", "Name each label once"),
    ],
)
def test_what_cannot_be_asked(predictor, labels, template, message):
    with pytest.raises(UserError, match=message):
        ZeroShotClassifier(predictor, labels, template)


@pytest.mark.parametrize("words", [("good", "bad"), ("entailment",)])
def test_a_model_of_other_labels(words):
    with pytest.raises(UserError, match=f"are {', '.join(words)}, which do not tell"):
        module.compared_columns(words)


@pytest.mark.parametrize(
    ("words", "columns"),
    [
        (("entailment", "not_entailment"), [1, 0]),
        (("not_paraphrase", "paraphrase"), [0, 1]),
        (("paraphrase", "different"), [1, 0]),
        (("paraphrase", "neutral", "entailment"), [0, 2]),  # entailment is what is asked for first
    ],
)
def test_what_says_yes_and_what_stands_against_it(words, columns):
    assert module.compared_columns(words) == columns


def test_neutral_in_the_place_of_contradiction_is_told_once(caplog):
    module.compared_columns.cache_clear()
    for _ in range(2):
        assert module.compared_columns(("neutral", "entailment", "contradiction")) == [0, 1]
    (record,) = caplog.records
    assert "compares entailment with neutral" in record.getMessage()
