"""A task of one's own: how many words two texts share, as a number from 0 to 1."""

from pathlib import Path

import numpy as np
import paddle.nn.functional as F

from infoxlm.data.encoding import encode_split
from infoxlm.data.examples import Examples
from infoxlm.data.sampler import EpochSampler
from infoxlm.data.source import open_source
from infoxlm.evaluate.predictions import Predictions
from infoxlm.evaluate.scores import Metric, Scores
from infoxlm.model.loading import load_classifier
from infoxlm.tasks import task
from infoxlm.tasks.objective import Objective
from infoxlm.tasks.stream import TrainingStream

ERROR = Metric("error", percent=False, higher_is_better=False)


class Overlap(Objective):
    def forward(self, batch):
        return self.model(batch["input_ids"]).logits[:, 0]

    def loss(self, outputs, batch):
        return F.mse_loss(outputs, batch["overlap"], reduction="none")


class Task(task.Task):
    name = "overlap"

    def open(self, splits):
        self.source = open_source(self.data.root)

    def load(self, split, cache, limit=None):
        def encode(pairs):
            texts = [[pair.premise for pair in pairs], [pair.hypothesis for pair in pairs]]
            words = [(set(a.split()), set(b.split())) for a, b in zip(*texts, strict=True)]
            shared = [len(a & b) / len(a | b) for a, b in words]
            token_ids = cache.tokenizer.encode(*texts, max_length=cache.max_length)
            return token_ids, {"overlap": np.array(shared, np.float32)}

        train = split == "train"
        languages = self.data.train_languages if train else self.data.eval_languages
        rows = self.data.limit_train if train else self.data.limit_eval
        options = {"task": self.name}
        return encode_split(
            self.source, split, languages, cache, encode, limit=rows, options=options
        )

    def checksums(self, splits):
        return {}

    def build_model(self, config, folder: Path | None, vocab_size, max_length, *, new_head=False):
        return load_classifier(
            config, folder, vocab_size, max_length,
            labels=("overlap",), task_name=self.name, new_head=new_head,
        )  # fmt: skip

    def streams(self, model, examples, batch_size, seed):
        joined = Examples.concatenate(examples)
        sampler = EpochSampler(len(joined), batch_size, seed)
        return [TrainingStream("overlap", joined, sampler, Overlap(model))]

    def evaluate(self, model, examples, evaluator):
        joined = Examples.concatenate(examples)
        guessed = evaluator.outputs(model, joined.token_ids, width=1)[:, 0].astype(np.float64)
        errors = np.abs(guessed - joined.targets["overlap"])
        columns = {"overlap": joined.targets["overlap"].tolist(), "predicted": guessed.tolist()}
        predictions = Predictions(joined.languages, joined.rows, {"error": errors}, columns)
        return Scores.from_predictions(predictions, ERROR), predictions
