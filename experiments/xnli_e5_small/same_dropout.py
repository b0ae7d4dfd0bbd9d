"""Eighty steps of both frameworks with the same dropout: what else differs between them?

    python same_dropout.py --model weights/initial_42 --train_file $MNLI_TRAIN --rows rows-42.txt \
        --seed 42 --out same_dropout.json

Trains the package's model by its own step, and next to it transformers' model by a plain loop as
in pytorch_loop.py. Every mask that ours draws (of embeddings, attention, residuals and head) is
handed to the other one, which multiplies with it at the same place. So nothing random is left
between the two, and the losses should be equal to 1e-4. OUT.json gets both losses of every step,
and the gradients' norms. Needs the extra [torch]; 80 steps of 256 take hours.
"""

import argparse
import csv
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np
import torch
from torch import nn
from tqdm import tqdm
from transformers import AutoModelForSequenceClassification, get_linear_schedule_with_warmup

import infoxlm.model  # noqa: F401  (before paddle, which it tells how to use the cores)
from infoxlm.convert.find_checkpoint import find_checkpoint
from infoxlm.data.examples import Examples
from infoxlm.data.xnli import WORDS
from infoxlm.distributed.ranks import Ranks
from infoxlm.model.cpu.dropout_mask import DropoutMask
from infoxlm.model.layers import InfoXLMDropout
from infoxlm.model.loading import load_classifier
from infoxlm.schema import HardwareConfig, ModelConfig, OptimizerConfig, SchedulerConfig
from infoxlm.tasks.classification.objective import ClassificationObjective
from infoxlm.tasks.classification.task import label_columns
from infoxlm.tasks.stream import TrainingStream
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer
from infoxlm.train.train_module import TrainModule

LEARNING_RATE, WARMUP_RATIO, MAX_LENGTH = 2e-4, 0.1, 128


class GivenRows:
    """A sampler of rows that were drawn elsewhere."""

    def __init__(self, rows: np.ndarray, size: int) -> None:
        self._rows = rows
        self._size = size
        self.per_epoch = len(rows) // size

    def rows(self, step: int) -> np.ndarray:
        """The examples of a step: their places among the rows."""
        return np.arange(step * self._size, (step + 1) * self._size)


@contextmanager
def recorded_masks() -> Iterator[list[np.ndarray]]:
    """Record each mask that the package's dropout draws, in the order in which it is applied."""
    import paddle

    masks: list[np.ndarray] = []

    def drawn(shape: tuple[int, ...], probability: float) -> DropoutMask | None:
        mask = DropoutMask(shape, probability) if probability else None
        # Without dropout the other side is handed ones.
        masks.append(np.ones(shape, np.float32) if mask is None else mask.values)
        return mask

    def dropped(layer: InfoXLMDropout, states):
        mask = paddle.nn.functional.dropout(paddle.ones_like(states), layer.p, training=True)
        masks.append(mask.numpy())
        return states * mask

    attention, residual, embeddings = (
        import_module(f"infoxlm.model.{name}")
        for name in ("cpu.attention", "cpu.residual_norm", "embeddings")
    )
    with (
        # NumPy's operations: the compiled ones never write their masks down.
        mock.patch.object(attention, "library", lambda: None),
        mock.patch.object(residual, "library", lambda: None),
        mock.patch.object(attention, "dropout_mask", drawn),
        mock.patch.object(residual, "dropout_mask", drawn),
        # There residual_norm has no dropout: Paddle's LayerNorm instead.
        mock.patch.object(embeddings, "cpu", SimpleNamespace(pays_here=lambda *_: False)),
        mock.patch.object(InfoXLMDropout, "forward", dropped),
    ):
        yield masks


class GivenDropout(nn.Module):
    """Multiplies with the next mask of a list, brought from the package's layout into torch's."""

    def __init__(self, batch: "GivenBatch") -> None:
        super().__init__()
        self._batch = batch

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Any of the states that transformers drops out."""
        return states * torch.from_numpy(self._batch.next_mask(tuple(states.shape)))


class GivenBatch:
    """The micro-batch that is computed, and the masks that are left of it."""

    def set(self, input_ids: np.ndarray, masks: list[np.ndarray]) -> None:
        """Begin a micro-batch."""
        self._is_token = input_ids != 1
        self._masks = iter(masks)

    def next_mask(self, shape: tuple[int, ...]) -> np.ndarray:
        """The next mask for states ``[batch, ...]`` with padding.

        The package computes no padding, and of the last block the first token alone; where it has
        no mask there is none needed.
        """
        mask = next(self._masks)
        whole = np.ones(shape, np.float32)
        if len(shape) == 4:  # weights of attention, by head
            heads = mask.reshape(shape[0], shape[1], -1, shape[3])
            whole[:, :, : heads.shape[2]] = heads
        elif len(shape) == 2:  # the head's
            whole[:] = mask
        elif len(mask) == self._is_token.sum():
            whole[self._is_token] = mask.reshape(len(mask), -1)
        else:
            whole[:, 0] = mask
        return whole

    def check_all_used(self) -> None:
        """Check that transformers drops out as often as the package."""
        assert next(self._masks, None) is None, "a mask is left: transformers has fewer dropouts"


def hand_dropout(model: nn.Module, batch: GivenBatch) -> None:
    """Replace every dropout of a model."""
    for name, module in [*model.named_modules()]:
        if isinstance(module, nn.Dropout):
            owner, _, last = name.rpartition(".")
            setattr(model.get_submodule(owner), last, GivenDropout(batch))


class NextToPyTorch(ClassificationObjective):
    """The package's objective, which lets a PyTorch model compute each micro-batch as well."""

    def __init__(self, model, other: nn.Module, divisor: int) -> None:
        super().__init__(model)
        self.vocabulary = None
        self._other = other
        self._divisor = divisor
        self._batch = GivenBatch()
        hand_dropout(other, self._batch)
        self.loss_sum = 0.0

    def forward(self, batch):
        """Compute logits, and the other model's loss and gradient with the same masks."""
        with recorded_masks() as masks:
            logits = super().forward(batch)
        ids = batch["input_ids"].numpy()
        if self.vocabulary is not None:
            ids = self.vocabulary.active[ids]
        self._batch.set(ids, masks)
        input_ids, labels = torch.from_numpy(ids), torch.from_numpy(batch["labels"].numpy())
        found = self._other(input_ids=input_ids, attention_mask=input_ids != 1).logits
        self._batch.check_all_used()
        loss = nn.functional.cross_entropy(found, labels, reduction="sum") / self._divisor
        loss.backward()
        self.loss_sum += loss.item()
        return logits


def read(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def encoded(tokenizer: InfoXLMTokenizer, pairs: list[dict[str, str]], columns: list[int]):
    token_ids = tokenizer.encode(
        [pair["premise"] for pair in pairs],
        [pair["hypothesis"] for pair in pairs],
        max_length=MAX_LENGTH,
    )
    labels = np.array([columns[WORDS.index(pair["label"])] for pair in pairs])
    return Examples(token_ids, {"labels": labels}, np.arange(len(pairs)), "en", "train")


def train(folder: Path, cache: Path, pairs, *, batch: int, steps: int, tokens: int, seed: int):
    """Train both, and give the losses and gradient norms of every step.

    Args:
        folder: The initial model in transformers' format.
        cache: Where its conversion is kept.
        pairs: The pairs in the order in which they are trained.
        batch: Pairs of a step.
        steps: Optimizer steps.
        tokens: Most tokens of a micro-batch.
        seed: The seed of the dropout masks.
    """
    paddle_folder = find_checkpoint(str(folder), cache)
    tokenizer = InfoXLMTokenizer.from_pretrained(paddle_folder, threads=1)
    config = ModelConfig("e5_small", checkpoint=str(folder))
    model = load_classifier(
        config, paddle_folder, tokenizer.vocab_size, MAX_LENGTH,
        labels=WORDS, task_name="classification",
    )  # fmt: skip
    other = AutoModelForSequenceClassification.from_pretrained(folder, attn_implementation="eager")
    other.train()
    objective = NextToPyTorch(model, other, batch)
    examples = encoded(tokenizer, pairs, label_columns(model, WORDS))
    sampler = GivenRows(np.arange(len(pairs)), batch)
    module = TrainModule(
        model,
        [TrainingStream("classification", examples, sampler, objective)],
        optimizer=OptimizerConfig("adamw", learning_rate=LEARNING_RATE, max_grad_norm=1.0),
        scheduler=SchedulerConfig("linear", WARMUP_RATIO),
        hardware=HardwareConfig("cpu", micro_batch_tokens=tokens),
        seed=seed,
        steps=steps,
        ranks=Ranks(),
    )
    objective.vocabulary = module.vocabulary
    optimizer = torch.optim.AdamW(other.parameters(), lr=LEARNING_RATE, weight_decay=0.0, eps=1e-8)
    warmup = math.ceil(WARMUP_RATIO * steps)
    schedule = get_linear_schedule_with_warmup(optimizer, warmup, steps)
    history = []
    for step in tqdm(range(steps), desc="both", unit=" steps", disable=None):
        objective.loss_sum = 0.0
        losses, norm = module.backward(step)
        theirs = torch.nn.utils.clip_grad_norm_(other.parameters(), 1.0).item()
        history.append(
            {
                "ours": {"loss": module.total(losses), "gradient_norm": norm},
                "pytorch": {"loss": objective.loss_sum, "gradient_norm": theirs},
                "learning_rate": [module.optimizer.get_lr(), schedule.get_last_lr()[0]],
            }
        )
        module.optimizer_step(step + 1)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    return history


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("model", "train_file", "rows", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--steps", type=int, default=80)
    parser.add_argument("--micro_batch_tokens", type=int, default=512)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cache", type=Path, default=Path("cache"))
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    pairs = read(arguments.train_file)
    rows = [int(line) for line in arguments.rows.read_text().split()]
    history = train(
        arguments.model,
        arguments.cache,
        [pairs[row] for row in rows[: arguments.steps * arguments.batch]],
        batch=arguments.batch,
        steps=arguments.steps,
        tokens=arguments.micro_batch_tokens,
        seed=arguments.seed,
    )
    apart = [abs(step["ours"]["loss"] - step["pytorch"]["loss"]) for step in history]
    record = {
        "seed": arguments.seed,
        "pairs_a_step": arguments.batch,
        "largest_difference": max(apart),
        "steps": history,
    }
    arguments.out.write_text(json.dumps(record, indent=1) + "\n")
    print(f"{len(history)} losses, the largest difference {max(apart):.2g}")
    raise SystemExit(max(apart) > 1e-4)


if __name__ == "__main__":
    main()
