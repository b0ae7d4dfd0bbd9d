"""Some steps of training give the losses of a plain transformers loop, dropout aside."""

import numpy as np
import pytest

from infoxlm.convert import convert_to_torch
from infoxlm.data.sampler import EpochSampler
from infoxlm.schema import OptimizerConfig, SchedulerConfig
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer
from infoxlm.train.active_vocabulary import ActiveVocabulary
from infoxlm.train.gradient import clip_gradient
from infoxlm.train.optimization import build_learning_rate, build_optimizer

STEPS, BATCH, PAIRS = 8, 12, 40


def torch_losses(folder, token_ids, labels, sampler):
    """The same training in PyTorch: AdamW, linear warm-up, clipping, one batch a step."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.0, eps=1e-6)
    schedule = transformers.get_linear_schedule_with_warmup(optimizer, 2, STEPS)
    losses = []
    for step in range(STEPS):
        rows = sampler.rows(step)
        input_ids = torch.tensor(token_ids.padded(rows))
        logits = model(input_ids=input_ids, attention_mask=input_ids != 1).logits
        loss = torch.nn.functional.cross_entropy(logits, torch.tensor(labels[rows]))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return losses


def test_losses_match_transformers(
    tiny_model, random_token_ids, labelled, accumulate, sentencepiece_file, tmp_path
):
    model = tiny_model(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    model.save_pretrained(tmp_path / "paddle")
    InfoXLMTokenizer(sentencepiece_file).save_pretrained(tmp_path / "paddle")
    convert_to_torch(tmp_path / "paddle", tmp_path / "torch")
    token_ids, labels = random_token_ids(PAIRS), np.arange(PAIRS) % 3
    sampler = EpochSampler(PAIRS, BATCH, seed=3)  # the last batch of an epoch has 4 pairs
    expected = torch_losses(tmp_path / "torch", token_ids, labels, sampler)

    vocabulary = ActiveVocabulary(model.roberta.embeddings, [token_ids.ids])
    examples = labelled(token_ids, labels)
    config = OptimizerConfig("adamw", learning_rate=1e-3, epsilon=1e-6)
    learning_rate = build_learning_rate(config, SchedulerConfig("linear", 2 / STEPS), STEPS)
    optimizer = build_optimizer(model, config, learning_rate, STEPS)
    model.train()
    losses = []
    for step in range(STEPS):
        computed = accumulate(
            model, examples, sampler.rows(step), vocabulary=vocabulary, max_tokens=60
        )
        losses.append(computed.mean())
        clip_gradient(model.parameters(), 1.0)
        optimizer.step()
        learning_rate.step()
        optimizer.clear_grad(set_to_zero=False)
    assert max(losses) - min(losses) > 0.01  # the steps moved something
    np.testing.assert_allclose(losses, expected, rtol=0, atol=1e-5)
