import pytest

from infoxlm.checkpoint_labels import names_labels, refuse_other_labels, require_labels
from infoxlm.errors import UserError

IN_ANOTHER_ORDER = {0: "contradiction", 1: "Entailment", 2: "neutral"}


@pytest.fixture
def folder(tiny_model, tmp_path):
    """Saves a tiny model and gives its folder."""

    def save(kind="InfoXLMForSequenceClassification", **changes):
        tiny_model(kind, **changes).save_pretrained(tmp_path)
        return tmp_path

    return save


@pytest.mark.parametrize(
    ("labels", "named"),
    [
        (["entailment", "neutral", "contradiction"], True),
        (["CONTRADICTION", "Neutral", "entailment"], True),
        (["entailment", "neutral"], False),
        (["entailment", "neutral", "contradiction", "neutral"], False),
        (["LABEL_0", "LABEL_1", "LABEL_2"], False),
        ([], False),
    ],
)
def test_names_of_the_labels(labels, named):
    config = {"id2label": {str(i): label for i, label in enumerate(labels)}}
    assert names_labels(config) is named


def test_classifier_of_the_labels_in_any_order(folder):
    path = folder(id2label=IN_ANOTHER_ORDER)
    require_labels(path)
    refuse_other_labels(path)


def test_classifier_of_other_labels(folder):
    path = folder(id2label={0: "good", 1: "bad"})
    for check in (require_labels, refuse_other_labels):
        with pytest.raises(UserError, match="not a classifier for .* names good, bad"):
            check(path)


def test_encoder_may_get_a_head_but_is_no_classifier(folder):
    path = folder("InfoXLMModel", id2label=IN_ANOTHER_ORDER)
    refuse_other_labels(path)
    with pytest.raises(UserError, match="holds an encoder without a classifier"):
        require_labels(path)
    refuse_other_labels(folder("InfoXLMModel", id2label={0: "LABEL_0", 1: "LABEL_1"}))
