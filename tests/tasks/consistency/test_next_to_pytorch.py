"""Twenty steps of both stages give the losses of a plain PyTorch loop on the same copies."""

import numpy as np
import pytest

from infoxlm.convert import convert_to_torch
from infoxlm.schema import OptimizerConfig, SchedulerConfig
from infoxlm.train.active_vocabulary import ActiveVocabulary
from infoxlm.train.gradient import accumulate_gradient, clip_gradient
from infoxlm.train.optimization import build_learning_rate, build_optimizer

STEPS, SEED, WEIGHT, TEACHER_WEIGHT = 20, 4, 5.0, 2.0


@pytest.fixture
def torch_models(tiny_model, tokenizer, tmp_path):
    """The model under training and the teacher, as transformers opens them."""
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("torch")

    def opened(name, model):
        model.save_pretrained(tmp_path / name)
        tokenizer.save_pretrained(tmp_path / name)
        convert_to_torch(tmp_path / name, tmp_path / f"{name}_torch")
        return transformers.AutoModelForSequenceClassification.from_pretrained(
            tmp_path / f"{name}_torch"
        )

    return opened("own", tiny_model()), opened("teacher", tiny_model(seed=5, initializer_range=0.2))


def torch_losses(batches, model, teacher):
    """The losses of a loop with both divergences as torch has them."""
    import torch
    from torch.nn.functional import cross_entropy, kl_div, log_softmax
    from transformers import get_linear_schedule_with_warmup

    def predicted(model, token_ids):
        ids = torch.tensor(token_ids.padded(np.arange(len(token_ids))))
        return log_softmax(model(input_ids=ids, attention_mask=ids != 1).logits, -1)

    def divergence(target, found):
        return kl_div(found, target.detach(), reduction="batchmean", log_target=True)

    model.train()
    teacher.eval()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.0, eps=1e-6)
    schedule = get_linear_schedule_with_warmup(optimizer, 2, STEPS)
    losses = []
    for batch in batches:
        own, copies = predicted(model, batch.token_ids), predicted(model, batch.copies)
        loss = cross_entropy(own, torch.tensor(batch.targets["labels"]))
        loss = loss + WEIGHT * (divergence(own, copies) + divergence(copies, own))
        changed = torch.tensor(batch.changed)
        if changed.any():
            with torch.no_grad():
                taught = predicted(teacher, batch.token_ids)
            loss = loss + TEACHER_WEIGHT * divergence(taught[changed], own[changed])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("teacher", [False, True])
def test_losses_are_those_of_pytorch(consistent, tiny_model, torch_models, teacher):
    model = tiny_model()
    stream = consistent(
        model, "subword_sampling", ratio=1.0, weight=WEIGHT, teacher=teacher,
        teacher_weight=TEACHER_WEIGHT,
    )  # fmt: skip
    batches = [
        stream.examples.batch(stream.sampler.rows(step), (SEED, step, 0)) for step in range(STEPS)
    ]
    expected = torch_losses(batches, *torch_models)
    assert any(batch.changed.any() for batch in batches) == teacher

    vocabulary = ActiveVocabulary(model.roberta.embeddings, [stream.examples.ids_in_use()])
    config = OptimizerConfig("adamw", learning_rate=1e-3, epsilon=1e-6)
    learning_rate = build_learning_rate(config, SchedulerConfig("linear", 2 / STEPS), STEPS)
    optimizer = build_optimizer(model, config, learning_rate, STEPS)
    model.train()
    losses = []
    for batch in batches:
        computed = accumulate_gradient(
            stream.objective, batch, np.arange(len(batch.weights)), divisor=len(batch.weights),
            max_tokens=90, vocabulary=vocabulary,
        )  # fmt: skip
        losses.append(computed.mean())
        clip_gradient(model.parameters(), 1.0)
        optimizer.step()
        learning_rate.step()
        optimizer.clear_grad(set_to_zero=False)
    assert max(losses) - min(losses) > 0.1  # the steps moved something
    np.testing.assert_allclose(losses, expected, rtol=0, atol=1e-4)
