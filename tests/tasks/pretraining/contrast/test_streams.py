"""Several streams in a step: joint denominators, renumbered labels, a folder for others."""

from dataclasses import replace

import numpy as np
import paddle
import pytest
from paddlenlp import transformers as paddlenlp
from safetensors.numpy import load_file

from infoxlm import InfoXLMForMaskedLM, InfoXLMForPretraining
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer
from infoxlm.train.failed_step import FailedStep
from infoxlm.train.replay import replay


def gradients(module):
    return {
        name: x.grad.numpy().copy()
        for name, x in module.model.named_parameters()
        if x.grad is not None
    }


def test_a_joint_denominator_divides_by_sentences_and_masked_tokens(pretraining, made_up):
    own, joint = pretraining(joint=False), pretraining(joint=True)
    losses, _ = own.backward(0)
    jointly, _ = joint.backward(0)
    counts = {
        stream.name: stream.examples.batch(stream.sampler.rows(0), (1, 0, number)).weights.sum()
        for number, stream in enumerate(own.streams)
    }
    assert counts["xlco"] == 8
    assert counts["mlm"] > 16
    total = sum(counts.values())
    for name, loss in losses.items():
        assert loss.weight == counts[name]
        assert jointly[name].mean == loss.mean == pytest.approx(loss.losses.sum() / counts[name])
        assert jointly[name].part == pytest.approx(loss.mean * counts[name] / total)
    assert own.total(losses) == pytest.approx(sum(x.mean for x in losses.values()))
    assert joint.total(jointly) == pytest.approx(
        sum(x.losses.sum() for x in losses.values()) / total
    )


def test_a_joint_gradient_is_that_of_weighted_streams(pretraining):
    joint, weighted = (
        pretraining(joint=joint, optimizer={"max_grad_norm": None}) for joint in (True, False)
    )
    counts = [x.draw(0).batch.weights.sum() for x in joint.batches]
    weighted.streams[:] = [
        replace(stream, weight=count / sum(counts))
        for stream, count in zip(weighted.streams, counts, strict=True)
    ]
    joint.backward(0)
    weighted.backward(0)
    expected = gradients(weighted)
    assert "contrast_projection.weight" in expected
    for name, value in gradients(joint).items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-4, atol=1e-6, err_msg=name)


def test_a_restricted_vocabulary_rules_all_other_tokens_out(pretraining, take_steps, tiny_model):
    """Labels and keys are renumbered, and table, bias and losses are those of the ids in use."""
    found, weights = [], []
    for active in (True, False):
        model = tiny_model("InfoXLMForPretraining", initializer_range=0.1)
        module = pretraining(model=model, hardware={"active_vocabulary": active})
        if active:
            unused = np.setdiff1d(np.arange(model.config.vocab_size), module.vocabulary.active)
            assert 0 < len(unused) < model.config.vocab_size
        else:
            bias = model.lm_head.bias.numpy()
            bias[unused] = -1e9
            model.lm_head.bias.set_value(bias)
        found.append(take_steps(module, range(4)))
        with module.full_table():
            assert model.lm_head.bias.shape == [model.config.vocab_size]
            values = {name: x.numpy() for name, x in model.named_parameters()}
        values["lm_head.bias"][unused] = 0
        weights.append(values)
    for one, other in zip(*found, strict=True):
        assert one == pytest.approx(other, rel=1e-4)
    for name, value in weights[1].items():
        if "key.bias" not in name:  # its gradient is zero but for rounding
            np.testing.assert_allclose(weights[0][name], value, rtol=1e-3, atol=1e-3, err_msg=name)


def test_a_failed_step_of_several_streams_is_computed_again(pretraining):
    module = pretraining()
    losses, norm = module.backward(2)
    again = replay(pretraining(), FailedStep(3, 0.01, None, None, [{"language": "en", "row": 1}]))
    assert again.loss == pytest.approx(module.total(losses), rel=1e-6)
    assert again.gradient_norm == pytest.approx(norm, rel=1e-6)
    assert len(again.examples) == 24


def test_the_folder_is_a_masked_language_model(
    tiny_model, random_token_ids, sentencepiece_file, tmp_path
):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    from infoxlm.convert import convert_to_torch

    model = tiny_model("InfoXLMForPretraining")
    ids = random_token_ids(6).padded(range(6))
    is_token = ids != 1
    expected = model(paddle.to_tensor(ids)).logits.numpy()[is_token]
    model.save_pretrained(tmp_path / "paddle")
    InfoXLMTokenizer(sentencepiece_file).save_pretrained(tmp_path / "paddle")
    names = load_file(tmp_path / "paddle" / "model.safetensors").keys()
    assert not [name for name in names if "contrast" in name]
    theirs = paddlenlp.XLMRobertaForMaskedLM.from_pretrained(str(tmp_path / "paddle"))
    theirs.eval()
    mask = paddle.to_tensor(is_token.astype(np.int64))
    found = theirs(paddle.to_tensor(ids), attention_mask=mask, return_dict=True).logits
    np.testing.assert_allclose(found.numpy()[is_token], expected, rtol=1e-4, atol=1e-4)
    convert_to_torch(tmp_path / "paddle", tmp_path / "torch")
    theirs = transformers.XLMRobertaForMaskedLM.from_pretrained(tmp_path / "torch").eval()
    with torch.no_grad():
        found = theirs(torch.tensor(ids), attention_mask=torch.tensor(is_token).long()).logits
    np.testing.assert_allclose(found.numpy()[is_token], expected, rtol=1e-4, atol=1e-4)
    again = InfoXLMForMaskedLM.from_pretrained(tmp_path / "paddle")
    again.eval()
    np.testing.assert_array_equal(again(paddle.to_tensor(ids)).logits.numpy()[is_token], expected)


def test_a_projection_is_drawn_as_published(tiny_model, tmp_path, caplog):
    tiny_model("InfoXLMForMaskedLM", hidden_size=64).save_pretrained(tmp_path)
    with caplog.at_level("INFO"):
        model = InfoXLMForPretraining.from_pretrained(tmp_path)
    drawn = model.contrast_projection.weight.numpy()
    assert drawn.std() == pytest.approx(0.02, rel=0.05)
    assert not [x for x in caplog.messages if "contrast" in x]  # nothing that the folder lacks
