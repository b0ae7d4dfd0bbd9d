"""Thirty steps of training give the losses of a plain PyTorch loop over transformers' model."""

import numpy as np
import paddle
import pytest

from infoxlm.convert import convert_to_paddle, convert_to_torch
from infoxlm.data.examples import Examples
from infoxlm.data.sampler import EpochSampler
from infoxlm.distributed.ranks import Ranks
from infoxlm.model.loading import load_question_answerer
from infoxlm.schema import HardwareConfig, ModelConfig, OptimizerConfig, SchedulerConfig
from infoxlm.tasks.question_answering.objective import QuestionAnsweringObjective
from infoxlm.tasks.stream import TrainingStream
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer
from infoxlm.train.train_module import TrainModule

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

NAME = "question_answering"
STEPS, WARMUP, BATCH, WINDOWS, DECAY = 30, 3, 8, 64, 0.01


@pytest.fixture(scope="module")
def windows(random_token_ids):
    """Draws windows of mixed lengths; of each fourth the answer is `<s>`."""

    def draw(longest):
        token_ids = random_token_ids(WINDOWS, longest)
        rng = np.random.default_rng(5)
        start = rng.integers(0, token_ids.lengths)
        start[::4] = 0
        end = np.where(start > 0, rng.integers(start, token_ids.lengths), 0)
        return Examples(token_ids, {"start": start, "end": end}, np.arange(WINDOWS), "en")

    return draw


def our_losses(folder, examples, learning_rate):
    """The losses of the package's own train module, in small micro-batches."""
    model = load_question_answerer(
        ModelConfig("tiny", dropout=0.0), folder, 0, 8, task_name=NAME, new_head=False
    )
    sampler = EpochSampler(WINDOWS, BATCH, 42)
    module = TrainModule(
        model,
        [TrainingStream(NAME, examples, sampler, QuestionAnsweringObjective(model))],
        optimizer=OptimizerConfig("adamw", learning_rate, weight_decay=DECAY),
        scheduler=SchedulerConfig("linear", WARMUP / STEPS),
        hardware=HardwareConfig(
            "cpu", micro_batch_tokens=4 * int(examples.token_ids.lengths.max())
        ),
        seed=42,
        steps=STEPS,
        ranks=Ranks(),
    )
    losses = []
    for step in range(STEPS):
        found, _ = module.backward(step)
        losses.append(module.total(found))
        module.optimizer_step(step + 1)
    return np.array(losses)


def torch_losses(folder, examples, learning_rate):
    """Those of a loop over whole batches, with padding masked out of the softmax."""
    model = transformers.XLMRobertaForQuestionAnswering.from_pretrained(
        folder, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
    )
    model.train()
    bare = [x for name, x in model.named_parameters() if "LayerNorm" in name or "bias" in name]
    known = {id(x) for x in bare}
    decayed = [x for x in model.parameters() if id(x) not in known]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": DECAY}, {"params": bare, "weight_decay": 0.0}],
        lr=learning_rate,
    )
    schedule = transformers.get_linear_schedule_with_warmup(optimizer, WARMUP, STEPS)
    sampler = EpochSampler(WINDOWS, BATCH, 42)
    losses = []
    for step in range(STEPS):
        rows = sampler.rows(step)
        input_ids = torch.tensor(examples.token_ids.padded(rows))
        is_token = input_ids != 1
        out = model(input_ids, attention_mask=is_token.long())
        parts = [
            torch.nn.functional.cross_entropy(
                logits.masked_fill(~is_token, -torch.inf),
                torch.tensor(examples.targets[name][rows]),
            )
            for name, logits in (("start", out.start_logits), ("end", out.end_logits))
        ]
        loss = sum(parts) / 2
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return np.array(losses)


def assert_same_losses(folder, examples, learning_rate, tmp_path):
    convert_to_torch(folder, tmp_path / "torch")
    expected = torch_losses(tmp_path / "torch", examples, learning_rate)
    found = our_losses(folder, examples, learning_rate)
    assert expected[-8:].mean() < expected[:8].mean() - 0.1  # it learns
    print("largest difference of a loss:", np.abs(found - expected).max())
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


def test_thirty_steps_have_the_losses_of_pytorch(tiny_model, windows, sentencepiece_file, tmp_path):
    tiny_model("InfoXLMForQuestionAnswering").save_pretrained(tmp_path / "model")
    InfoXLMTokenizer(sentencepiece_file).save_pretrained(tmp_path / "model")
    assert_same_losses(tmp_path / "model", windows(36), 3e-3, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_thirty_steps_of_a_real_encoder_have_the_losses_of_pytorch(e5_torch, windows, tmp_path):
    convert_to_paddle(str(e5_torch), tmp_path / "encoder", cache_dir=tmp_path)
    paddle.seed(42)
    model = load_question_answerer(
        ModelConfig("e5_small"), tmp_path / "encoder", 0, 8, task_name=NAME
    )
    model.save_pretrained(tmp_path / "model")
    InfoXLMTokenizer.from_pretrained(tmp_path / "encoder").save_pretrained(tmp_path / "model")
    assert_same_losses(tmp_path / "model", windows(150), 1e-4, tmp_path)
