"""The models compute what PaddleNLP's and transformers' XLM-RoBERTa compute."""

import numpy as np
import paddle
import pytest
from paddlenlp import transformers as paddlenlp

from infoxlm import (
    InfoXLMForMaskedLM,
    InfoXLMForQuestionAnswering,
    InfoXLMForSequenceClassification,
    InfoXLMModel,
)
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

KINDS = {
    "InfoXLMModel": (InfoXLMModel, "XLMRobertaModel", "last_hidden_state"),
    "InfoXLMForSequenceClassification": (
        InfoXLMForSequenceClassification,
        "XLMRobertaForSequenceClassification",
        "logits",
    ),
    "InfoXLMForMaskedLM": (InfoXLMForMaskedLM, "XLMRobertaForMaskedLM", "logits"),
    "InfoXLMForQuestionAnswering": (
        InfoXLMForQuestionAnswering,
        "XLMRobertaForQuestionAnswering",
        "logits",
    ),
}


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def batch(random_token_ids):
    """A padded batch `[6, seq]` and where its tokens are."""
    input_ids = random_token_ids(6).padded(range(6))
    return input_ids, input_ids != 1


def assert_same(ours, theirs, is_token, output):
    """Compare all that both computed, at the positions of tokens."""

    def rows(tensor):
        array = np.asarray(tensor.detach() if hasattr(tensor, "detach") else tensor)
        return array[is_token] if array.ndim == 3 else array

    if hasattr(theirs, "start_logits"):  # which ours has side by side
        starts, ends = (rows(x)[is_token] for x in (theirs.start_logits, theirs.end_logits))
        expected = np.stack([starts, ends], axis=-1)
    else:
        expected = rows(getattr(theirs, output))
    assert expected.std() > 0.1  # else anything would be close
    np.testing.assert_allclose(rows(getattr(ours, output)), expected, rtol=1e-5, atol=2e-5)
    assert len(ours.hidden_states) == len(theirs.hidden_states) == 3
    for mine, yours in zip(ours.hidden_states, theirs.hidden_states, strict=True):
        np.testing.assert_allclose(rows(mine), rows(yours), rtol=1e-5, atol=1e-5)


def compute(model, input_ids):
    """Run one of PaddleNLP's models; the mask is given, as its users do."""
    model.eval()
    return model(
        paddle.to_tensor(input_ids),
        attention_mask=paddle.to_tensor((input_ids != 1).astype(np.int64)),
        output_hidden_states=True,
        return_dict=True,
    )


def test_paddlenlp_opens_our_folder(kind, tiny_model, batch, tmp_path):
    _, name, output = KINDS[kind]
    input_ids, is_token = batch
    model = tiny_model(kind)
    model.save_pretrained(tmp_path)
    theirs = getattr(paddlenlp, name).from_pretrained(str(tmp_path))
    ours = model(paddle.to_tensor(input_ids), output_hidden_states=True)
    assert_same(ours, compute(theirs, input_ids), is_token, output)


def test_paddlenlp_s_auto_class_finds_the_classifier(tiny_model, batch, tmp_path):
    input_ids, is_token = batch
    model = tiny_model()
    model.save_pretrained(tmp_path)
    theirs = paddlenlp.AutoModelForSequenceClassification.from_pretrained(str(tmp_path))
    assert type(theirs) is paddlenlp.XLMRobertaForSequenceClassification
    assert {int(k): v for k, v in theirs.config.id2label.items()} == model.config.id2label
    ours = model(paddle.to_tensor(input_ids), output_hidden_states=True)
    assert_same(ours, compute(theirs, input_ids), is_token, "logits")


@pytest.mark.parametrize("safe", [False, True], ids=["pdparams", "safetensors"])
def test_we_open_paddlenlp_s_folder(kind, safe, batch, tmp_path):
    ours_class, name, output = KINDS[kind]
    input_ids, is_token = batch
    config = paddlenlp.XLMRobertaConfig(
        vocab_size=100,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=48,
        max_position_embeddings=40,
        initializer_range=0.3,
        num_labels=2 if name.endswith("QuestionAnswering") else 3,
    )
    paddle.seed(3)
    theirs = getattr(paddlenlp, name)(config)
    for parameter in theirs.parameters():
        parameter.set_value(parameter + paddle.normal(0.0, 0.3, parameter.shape))
    theirs.save_pretrained(str(tmp_path), safe_serialization=safe)
    assert (tmp_path / ("model.safetensors" if safe else "model_state.pdparams")).is_file()
    ours = ours_class.from_pretrained(tmp_path)
    ours.eval()
    computed = ours(paddle.to_tensor(input_ids), output_hidden_states=True)
    assert_same(computed, compute(theirs, input_ids), is_token, output)


def test_we_open_transformers_folder_for_question_answering(batch, tmp_path, sentencepiece_file):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    from infoxlm.convert import convert_to_paddle, convert_to_torch
    from infoxlm.deploy.model_folder import ModelFolder

    input_ids, is_token = batch
    torch.manual_seed(3)
    config = transformers.XLMRobertaConfig(
        vocab_size=InfoXLMTokenizer(sentencepiece_file).vocab_size, hidden_size=16,
        num_hidden_layers=2, num_attention_heads=4, intermediate_size=48,
        max_position_embeddings=40, initializer_range=0.3, type_vocab_size=1,
    )  # fmt: skip
    theirs = transformers.XLMRobertaForQuestionAnswering(config).eval()
    theirs.save_pretrained(tmp_path / "torch")
    InfoXLMTokenizer(sentencepiece_file).save_pretrained(tmp_path / "torch")
    convert_to_paddle(str(tmp_path / "torch"), tmp_path / "paddle", cache_dir=tmp_path)
    ours = InfoXLMForQuestionAnswering.from_pretrained(tmp_path / "paddle")
    ours.eval()
    with torch.no_grad():
        expected = theirs(
            torch.tensor(input_ids),
            attention_mask=torch.tensor(is_token).long(),
            output_hidden_states=True,
        )
    found = ours(paddle.to_tensor(input_ids), output_hidden_states=True)
    assert_same(found, expected, is_token, "logits")
    assert ModelFolder.open(tmp_path / "paddle").inference.for_every_token
    convert_to_torch(tmp_path / "paddle", tmp_path / "back")
    back = transformers.XLMRobertaForQuestionAnswering.from_pretrained(tmp_path / "back")
    for name, value in theirs.state_dict().items():
        assert torch.equal(back.state_dict()[name], value), name


def test_transformers_opens_our_converted_folder(
    kind, tiny_model, batch, tmp_path, sentencepiece_file
):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    from infoxlm.convert import convert_to_torch

    _, name, output = KINDS[kind]
    input_ids, is_token = batch
    model = tiny_model(kind)
    model.save_pretrained(tmp_path / "paddle")
    InfoXLMTokenizer(sentencepiece_file).save_pretrained(tmp_path / "paddle")
    convert_to_torch(tmp_path / "paddle", tmp_path / "torch")
    theirs = getattr(transformers, name).from_pretrained(tmp_path / "torch").eval()
    with torch.no_grad():
        expected = theirs(
            torch.tensor(input_ids),
            attention_mask=torch.tensor(is_token).long(),
            output_hidden_states=True,
        )
    ours = model(paddle.to_tensor(input_ids), output_hidden_states=True)
    assert_same(ours, expected, is_token, output)
    if output == "logits" and kind.endswith("Classification"):
        assert theirs.config.id2label == model.config.id2label
