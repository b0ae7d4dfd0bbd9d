"""Measure what an exchange of gradients costs, and its share of a step.

    python experiments/devices/exchange.py --shape e5_small --ranks 2 --out FOLDER/e5_small.json

Random weights and random tokens: neither changes the time. Ranks are processes on this machine that
exchange through Gloo. Each exchange begins when all ranks have come to it, so that waiting for the
slowest is not counted as exchanging.
"""

import argparse
import json
import multiprocessing
import os
import sys
import time
from pathlib import Path
from typing import Any

import hydra
import numpy as np
from omegaconf import OmegaConf

from infoxlm.distributed.launch import environment, free_port
from infoxlm.hardware.place import ProcessInfo
from infoxlm.schema import register_schemas

BASE = {
    "vocab_size": 250_002, "hidden_size": 768, "num_hidden_layers": 12,
    "num_attention_heads": 12, "intermediate_size": 3072,
}  # fmt: skip
#: What differs from `model=tiny`, and how many rows of the word embeddings the training pairs use.
SHAPES: dict[str, tuple[dict[str, int], int]] = {
    "tiny": ({}, 800),
    "e5_small": (BASE | {"hidden_size": 384, "intermediate_size": 1536}, 25_000),
    "base": (BASE, 25_000),
}
BATCH, TOKENS = 256, 45


def measure(arguments: argparse.Namespace, active: bool) -> dict[str, Any]:
    """Take steps in this rank, and time them and the exchanges in them."""
    from infoxlm.data.examples import Examples
    from infoxlm.data.sampler import EpochSampler
    from infoxlm.data.xnli import WORDS
    from infoxlm.distributed.ranks import Ranks
    from infoxlm.model.loading import load_classifier
    from infoxlm.tasks.classification.objective import ClassificationObjective
    from infoxlm.tasks.stream import TrainingStream
    from infoxlm.tokenization.token_ids import TokenIds, offsets_from
    from infoxlm.train.train_module import TrainModule

    class TimedRanks(Ranks):
        seconds, waited = 0.0, 0.0

        def sum_gradients(self, parameters: Any) -> None:
            arrived = time.perf_counter()
            self.wait()
            begun = time.perf_counter()
            super().sum_gradients(parameters)
            self.seconds += time.perf_counter() - begun
            self.waited += begun - arrived

    shape, rows_used = SHAPES[arguments.shape]
    register_schemas()
    with hydra.initialize_config_module("infoxlm.conf", version_base="1.3"):
        on = str(active).lower()
        words = [f"model.shape.{key}={value}" for key, value in shape.items()]
        settings = ["model=tiny", *words, "data=sample", f"hardware.active_vocabulary={on}"]
        config = OmegaConf.to_object(hydra.compose("train", settings))
    config.model.checkpoint = None
    ranks = TimedRanks.join()
    model = load_classifier(config.model, None, 5, 128, labels=WORDS, task_name="classification")
    draw = np.random.default_rng(0)
    lengths = np.clip(draw.normal(TOKENS, 15, 4 * BATCH).astype(int), 8, 128)
    ids = draw.integers(4, rows_used, lengths.sum()).astype(np.int32)
    ids[: rows_used - 4] = np.arange(4, rows_used)[: len(ids)]  # each is used
    examples = Examples(
        TokenIds(ids, offsets_from(lengths)),
        {"labels": draw.integers(0, 3, len(lengths))},
        np.arange(len(lengths)),
    )
    sampler = EpochSampler(len(lengths), BATCH, config.seed)
    objective = ClassificationObjective(model)
    module = TrainModule(
        model,
        [TrainingStream("classification", examples, sampler, objective)],
        optimizer=config.optimizer,
        scheduler=config.scheduler,
        hardware=config.hardware,
        seed=config.seed,
        steps=1000,
        ranks=ranks,
    )
    rows = np.arange(BATCH)

    def step(number: int) -> None:
        module.backward(number, {"classification": rows})
        module.optimizer_step(number + 1)

    step(0)  # makes the optimizer's state
    exchanged = sum(x.size for x in model.parameters() if not x.stop_gradient)
    ranks.seconds = ranks.waited = 0.0
    begun = time.perf_counter()
    for number in range(arguments.steps):
        step(1 + number)
    seconds = time.perf_counter() - begun
    return {
        "shape": arguments.shape,
        "ranks": ranks.size,
        "active_vocabulary": active,
        "megabytes": exchanged * 4 / 1e6,
        "step_seconds": seconds / arguments.steps,
        "exchange_seconds": ranks.seconds / arguments.steps,
        "exchange_share": ranks.seconds / seconds,
        "waiting_share": ranks.waited / seconds,
    }


def run(arguments: argparse.Namespace, active: bool, queue: Any) -> None:
    """The whole of a rank's process."""
    found = measure(arguments, active)
    if ProcessInfo.of_this_process().rank == 0:
        queue.put(found)


def main() -> None:
    """Measure with the active vocabulary and with the whole one."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shape", choices=SHAPES, required=True)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1, help="of each rank")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    context, results = multiprocessing.get_context("spawn"), []
    for active in (True, False):
        queue, address, processes = context.Queue(), f"127.0.0.1:{free_port()}", []
        for rank in range(arguments.ranks):
            process = context.Process(target=run, args=(arguments, active, queue))
            place = ProcessInfo(rank, arguments.ranks, arguments.ranks).environment(address, "cpu")
            quiet = {"GLOG_minloglevel": "2", "OMP_NUM_THREADS": str(arguments.threads)}
            with environment({**place, **quiet}):
                process.start()
            processes.append(process)
        for process in processes:
            process.join()  # what rank 0 tells fits into the queue's pipe
        if any(process.exitcode for process in processes):
            sys.exit("a rank failed")
        results.append(queue.get())
        print(json.dumps(results[-1]))  # noqa: T201
    if arguments.out:
        arguments.out.write_text(json.dumps(results, indent=1) + os.linesep)


if __name__ == "__main__":
    main()
