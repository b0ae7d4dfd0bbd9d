from functools import partial

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from infoxlm.checkpoint.labels import (
    check_answers_or_encoder,
    check_classifier,
    check_labels,
    check_question_answerer,
    check_reusable_head,
    names_labels,
)
from infoxlm.errors import UserError

LABELS = ("entailment", "neutral", "contradiction")
IN_ANOTHER_ORDER = {0: "contradiction", 1: "Entailment", 2: "neutral"}


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
    assert names_labels(config, LABELS) is named


@pytest.mark.parametrize(
    ("labels", "found", "named"),
    [(("no", "Yes"), ["YES", "No"], True), (("0", "1"), ["1", "0"], True),
     (("no", "yes"), ["no", "yes", "maybe"], False)],
)  # fmt: skip
def test_names_of_labels_of_one_s_own(labels, found, named):
    assert names_labels({"id2label": dict(enumerate(found))}, labels) is named


def test_classifier_of_the_labels_in_any_order(saved_model):
    path = saved_model(id2label=IN_ANOTHER_ORDER)
    check_labels(path, labels=LABELS)
    check_reusable_head(path, labels=LABELS)


def test_classifier_of_other_labels(saved_model):
    path = saved_model(id2label={0: "good", 1: "bad"})
    for check in (check_labels, check_reusable_head):
        with pytest.raises(UserError, match="not a classifier for .* names good, bad"):
            check(path, labels=LABELS)
        with pytest.raises(UserError, match=r"^~/mine is not a classifier for"):
            check(path, "~/mine", labels=LABELS)
        check(path, labels=("bad", "good"))
    check_classifier(path)


def test_one_label_is_another_head(saved_model):
    path = saved_model(id2label={0: "LABEL_0"})
    with pytest.raises(UserError, match="names LABEL_0. Add model.new_head=true"):
        check_reusable_head(path, labels=LABELS)


@pytest.mark.parametrize("head", ["classifier", "qa_outputs"])
def test_heads_of_other_tasks(head, saved_model):
    path = saved_model("InfoXLMModel", id2label=IN_ANOTHER_ORDER)
    state = load_file(path / "model.safetensors")
    state |= {f"{head}.weight": np.ones((16, 3), "f4"), f"{head}.bias": np.ones(3, "f4")}
    save_file(state, path / "model.safetensors", metadata={"format": "np"})
    with pytest.raises(UserError, match=f"fine-tuned for another task: .* {head}. .*new_head=true"):
        check_reusable_head(path, labels=LABELS)
    for check in (partial(check_labels, labels=LABELS), check_classifier):
        with pytest.raises(UserError, match=f"mine holds an encoder .* its {head} is of another"):
            check(path, "mine")


@pytest.mark.parametrize("id2label", [IN_ANOTHER_ORDER, {0: "LABEL_0", 1: "LABEL_1"}])
def test_encoder_may_get_a_head_but_is_no_classifier(id2label, saved_model):
    path = saved_model("InfoXLMModel", id2label=id2label)
    check_reusable_head(path, labels=LABELS)
    with pytest.raises(UserError, match="holds an encoder without a classifier. Fine-tune it"):
        check_labels(path, labels=LABELS)


def test_head_of_question_answering(saved_model):
    path = saved_model("InfoXLMForQuestionAnswering")
    check_question_answerer(path)
    check_answers_or_encoder(path)
    with pytest.raises(
        UserError, match="its qa_outputs is of another task. .* model.new_head=true"
    ):
        check_classifier(path)


def test_classifier_does_not_answer_questions(saved_model):
    path = saved_model(id2label=IN_ANOTHER_ORDER)
    with pytest.raises(UserError, match="^mine holds an encoder without a head of question answer"
                       "ing; its classifier is of another task"):  # fmt: skip
        check_question_answerer(path, "mine")
    with pytest.raises(UserError, match="mine was fine-tuned for another task: its head is class"):
        check_answers_or_encoder(path, "mine")


@pytest.mark.parametrize("kind", ["InfoXLMModel", "InfoXLMForMaskedLM"])
def test_encoder_may_learn_to_answer_questions(kind, saved_model):
    path = saved_model(kind)
    check_answers_or_encoder(path)
    with pytest.raises(
        UserError, match="an encoder without a head of question answering.*: infoxlm train data=squ"
    ):
        check_question_answerer(path)
