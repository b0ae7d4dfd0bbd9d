import numpy as np
import paddle
import pytest

from infoxlm.schema import OptimizerConfig, SchedulerConfig
from infoxlm.train.gradient import clip_gradient
from infoxlm.train.optimization import (
    build_learning_rate,
    build_optimizer,
    trains_rows_apart,
)
from infoxlm.train.schedules import learning_rate_factor

CONSTANT = SchedulerConfig("constant")


@pytest.fixture
def model(tiny_model):
    return tiny_model()


def set_gradients(model, rng):
    """Draw every parameter's gradient and return them by name."""
    gradients = {}
    for name, parameter in model.named_parameters():
        gradients[name] = rng.normal(size=parameter.shape).astype(np.float32)
        parameter.grad = paddle.to_tensor(gradients[name])
    return gradients


def values(model):
    return {name: parameter.numpy() for name, parameter in model.named_parameters()}


def test_weight_decay_hits_weight_matrices_only(model):
    config = OptimizerConfig("adamw", learning_rate=0.1, weight_decay=0.5)
    before = values(model)
    for parameter in model.parameters():
        parameter.grad = paddle.zeros_like(parameter)
    build_optimizer(model, config, build_learning_rate(config, CONSTANT, 10), 10).step()
    for name, value in values(model).items():
        decays = value.ndim == 2
        np.testing.assert_allclose(value, before[name] * (0.95 if decays else 1), rtol=1e-6)
        assert decays == (name.endswith("weight") and "LayerNorm" not in name)


def test_the_optimizer_does_not_clip(model):
    # With epsilon this large Adam's first step is learning_rate * gradient / epsilon.
    config = OptimizerConfig("adam", learning_rate=1e4, epsilon=1e6, max_grad_norm=0.5)
    before = values(model)
    gradients = set_gradients(model, np.random.default_rng(0))
    build_optimizer(model, config, build_learning_rate(config, CONSTANT, 10), 10).step()
    for name, value in values(model).items():
        np.testing.assert_allclose(
            before[name] - value, 1e-2 * gradients[name], rtol=1e-3, atol=1e-5, err_msg=name
        )


@pytest.mark.parametrize(("name", "decay"), [("adamw", 0.0), ("adamw", 0.1), ("adam", 0.0)])
def test_steps_are_those_of_torch(name, decay, model):
    torch = pytest.importorskip("torch")
    config = OptimizerConfig(
        name, learning_rate=0.01, weight_decay=decay, beta1=0.8, beta2=0.98, epsilon=1e-6
    )
    schedule = SchedulerConfig("linear", warmup_ratio=0.5)
    theirs = {k: torch.nn.Parameter(torch.tensor(v)) for k, v in values(model).items()}
    groups = [
        {"params": [p for p in theirs.values() if p.ndim == 2], "weight_decay": decay},
        {"params": [p for p in theirs.values() if p.ndim != 2], "weight_decay": 0.0},
    ]
    kind = torch.optim.AdamW if name == "adamw" else torch.optim.Adam
    torch_optimizer = kind(groups, lr=0.01, betas=(0.8, 0.98), eps=1e-6)
    learning_rate = build_learning_rate(config, schedule, 4)
    optimizer = build_optimizer(model, config, learning_rate, 4)
    rng = np.random.default_rng(0)
    for step in range(4):
        gradients = set_gradients(model, rng)
        for key, gradient in gradients.items():
            theirs[key].grad = torch.tensor(gradient)
        torch.nn.utils.clip_grad_norm_(theirs.values(), 1.0)
        clip_gradient(model.parameters(), 1.0)
        for group in torch_optimizer.param_groups:
            group["lr"] = 0.01 * learning_rate_factor(step, 4, schedule)
        assert optimizer.get_lr() == pytest.approx(group["lr"], rel=1e-9)
        torch_optimizer.step()
        optimizer.step()
        learning_rate.step()
    for key, value in values(model).items():
        np.testing.assert_allclose(value, theirs[key].detach(), rtol=1e-6, atol=1e-6, err_msg=key)


@pytest.mark.parametrize(
    ("name", "apart"), [("adam", True), ("adamw", True), ("lamb", False), ("adafactor", False)]
)
def test_optimizers_that_look_at_whole_tensors_train_every_row(name, apart, caplog):
    with caplog.at_level("INFO"):
        assert trains_rows_apart(OptimizerConfig(name, learning_rate=1e-3)) == apart
    told = [x for x in caplog.messages if f"optimizer={name}" in x and "active_vocabulary" in x]
    assert len(told) == (not apart)
