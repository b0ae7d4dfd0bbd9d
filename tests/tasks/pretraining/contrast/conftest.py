"""Streams of made-up sentences in the form that the objectives of pre-training expect."""

from dataclasses import dataclass

import numpy as np
import pytest

from infoxlm.data.examples import Batch, Examples
from infoxlm.data.sampler import EpochSampler
from infoxlm.tokenization.token_ids import TokenIds, offsets_from

MASK = 60


@dataclass(frozen=True, eq=False)
class MaskedBatch(Batch):
    """Masked sequences with labels, a list of arrays."""

    labels: list[np.ndarray]

    token_arrays = ("input_ids", "labels")

    def arrays(self, positions):
        ids = super().arrays(positions)["input_ids"]
        labels = np.full_like(ids, -100)
        for row, position in zip(labels, positions, strict=True):
            row[: len(self.labels[position])] = self.labels[position]
        return {"input_ids": ids, "labels": labels}


@dataclass(frozen=True, eq=False)
class PairBatch(Batch):
    """Two sides of translation pairs."""

    keys: TokenIds

    token_arrays = ("input_ids", "key_ids")

    @property
    def lengths(self):
        return super().lengths + self.keys.lengths_of(self.index)

    def arrays(self, positions):
        return {**super().arrays(positions), "key_ids": self.keys.padded(positions)}


def masked(token_ids, rows, seed):
    """Sequences of some rows with masks that follow from seed and row, and their labels."""
    sequences, labels = [], []
    for row in rows.tolist():
        ids = token_ids.ids[token_ids.offsets[row] : token_ids.offsets[row + 1]].astype(np.int64)
        rng = np.random.default_rng([*seed, row])
        hidden = rng.random(len(ids)) < 0.3
        hidden[[0, -1]] = False
        hidden[1 + rng.integers(len(ids) - 2)] = True
        sequences.append(np.where(hidden, MASK, ids))
        labels.append(np.where(hidden, ids, -100))
    lengths = np.array([len(x) for x in sequences])
    return TokenIds(np.concatenate(sequences).astype(np.int32), offsets_from(lengths)), labels


class MaskedExamples(Examples):
    """Examples of masked LM."""

    def batch(self, rows, seed):
        ids, labels = masked(self.token_ids, rows, seed)
        weights = np.array([(x != -100).sum() for x in labels], np.float64)
        return MaskedBatch(ids, np.arange(len(rows)), {}, weights, labels)

    def ids_in_use(self):
        return np.append(self.token_ids.ids, MASK)


@dataclass(frozen=True, eq=False)
class PairExamples(Examples):
    """Examples of the contrast: `token_ids` and `others` are translations of each other."""

    others: TokenIds = None
    texts: np.ndarray = None

    def batch(self, rows, seed):
        index = np.arange(len(rows))
        queries, _ = masked(self.token_ids, rows, (*seed, 0))
        keys, _ = masked(self.others, rows, (*seed, 1))
        targets = {"text": self.texts[rows], "position": index}
        return PairBatch(queries, index, targets, np.ones(len(rows)), keys)

    def ids_in_use(self):
        return np.concatenate([self.token_ids.ids, self.others.ids, [MASK]])


@pytest.fixture(scope="session")
def made_up(random_token_ids):
    """The examples of the three streams; every third pair has the source of the one before."""

    def examples(count=24):
        numbers = np.arange(count)
        texts = np.random.default_rng(0).integers(-(2**62), 2**62, (count, 2))
        texts[1::3, 0] = texts[0::3, 0][: len(texts[1::3])]
        a, b, c, d = (random_token_ids(count, seed=seed) for seed in range(4))
        return {
            "mlm": MaskedExamples(a, {}, numbers, "en", "en.txt"),
            "tlm": MaskedExamples(b, {}, numbers, "en-de", "pairs.tsv"),
            "xlco": PairExamples(c, {}, numbers, "en-de", "pairs.tsv", (), d, texts),
        }

    return examples


@pytest.fixture(scope="session")
def pretraining(made_up, tiny_model):
    """Builds the train module of a tiny model with the three streams; it has not begun."""

    def build(
        *, names=("mlm", "tlm", "xlco"), model=None, examples=None, ranks=None, joint=False,
        batch=8, steps=20, optimizer=None, hardware=None, begin=True, **contrast,
    ):  # fmt: skip
        from infoxlm.distributed.ranks import Ranks
        from infoxlm.schema import (
            HardwareConfig,
            OptimizerConfig,
            PretrainingConfig,
            SchedulerConfig,
        )
        from infoxlm.tasks.pretraining.contrast import ContrastObjective
        from infoxlm.tasks.pretraining.masked_lm import MaskedLMObjective
        from infoxlm.tasks.stream import TrainingStream
        from infoxlm.train.train_module import TrainModule

        model = model or tiny_model("InfoXLMForPretraining", initializer_range=0.1)
        options = PretrainingConfig(**{"block": 1, "queue_size": 20, "momentum": 0.9} | contrast)
        examples = examples or made_up()
        streams = []
        for number, name in enumerate(names):
            objective = (
                ContrastObjective(model, options) if name == "xlco" else MaskedLMObjective(model)
            )
            sampler = EpochSampler(len(examples[name]), batch, seed=1)
            stream = TrainingStream(
                name, examples[name], sampler, objective, joint=joint, number=number
            )
            streams.append(stream)
        module = TrainModule(
            model,
            streams,
            optimizer=OptimizerConfig(
                **{"name": "adamw", "learning_rate": 1e-2, "weight_decay": 0.01} | (optimizer or {})
            ),
            scheduler=SchedulerConfig("linear", 0.1),
            hardware=HardwareConfig(
                **{"device": "cpu", "micro_batch_tokens": 100} | (hardware or {})
            ),
            seed=1,
            steps=steps,
            ranks=ranks or Ranks(),
        )
        if begin:
            module.before_training()
        return module

    return build


@pytest.fixture(scope="session")
def take_steps():
    """Takes steps, and gives the losses of each: a dictionary of means by stream."""

    def take(module, steps):
        found = []
        for step in steps:
            losses, _ = module.backward(step)
            module.optimizer_step(step + 1)
            found.append({name: x.mean for name, x in losses.items()})
        return found

    return take
