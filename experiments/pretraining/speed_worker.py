"""One measurement of speed.py: `prepare`, `ours` or `pytorch`, in a process of its own."""

import argparse
import json
import os
import resource
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from infoxlm.train.train_module import TrainModule

PAD_ID = 1
THREADS = len(os.sched_getaffinity(0))


def train_module(words: list[str]) -> "tuple[TrainModule, Any]":
    """The package's streams, model and optimizer as a command line has them; and its inputs."""
    import hydra
    from omegaconf import OmegaConf

    from infoxlm.hardware.environment import load_paddle, prepare_environment
    from infoxlm.schema import register_schemas
    from infoxlm.train.inputs import load_inputs

    register_schemas()
    with hydra.initialize_config_module("infoxlm.conf", version_base="1.3"):
        config: Any = OmegaConf.to_object(hydra.compose("pretrain", words))
    prepare_environment(THREADS)
    inputs = load_inputs(config)
    load_paddle()
    from infoxlm.distributed.ranks import Ranks
    from infoxlm.train.building import load_model
    from infoxlm.train.train_module import TrainModule

    model = load_model(config.model, inputs, "cpu", config.seed, None)
    size = config.trainer.effective_batch_size
    module = TrainModule(
        model,
        inputs.task.streams(model, inputs.train, size, config.seed),
        optimizer=config.optimizer,
        scheduler=config.scheduler,
        hardware=config.hardware,
        seed=config.seed,
        steps=1000,
        ranks=Ranks(),
    )
    return module, (inputs, config)


def prepare(out: Path, steps: int, words: list[str]) -> None:
    """Write the model in both forms, and the batches that both sides learn from."""
    module, (inputs, config) = train_module(words)
    from infoxlm.convert import convert_to_torch

    with module.full_table():
        module.model.save_pretrained(out / "paddle")
    inputs.tokenizer.save_pretrained(out / "paddle")
    convert_to_torch(out / "paddle", out / "torch", overwrite=True)
    arrays: dict[str, np.ndarray] = {"projection": module.model.contrast_projection.weight.numpy()}
    if module.vocabulary is not None:
        arrays["vocabulary"] = module.vocabulary.active
    for step in range(steps + 1):
        for batches in module.batches:
            drawn = batches.draw(step)
            found = drawn.batch.arrays(np.arange(drawn.size))
            for name in drawn.batch.token_arrays if module.vocabulary is not None else ():
                found[name] = module.vocabulary.compact(found[name])
            for name, values in found.items():
                arrays[f"{step}/{batches.stream.name}/{name}"] = values
    np.savez(out / "batches.npz", **arrays)
    settings = {
        key: getattr(config.task, key)
        for key in ("block", "temperature", "queue_size", "momentum", "mask_equal_texts")
    }
    settings |= {"joint": config.task.joint_denominator}
    (out / "settings.json").write_text(json.dumps(settings))


def ours(out: Path, words: list[str]) -> Callable[[int], object]:
    """A step of the package."""
    module, _ = train_module([*words, "model=checkpoint", f"model.checkpoint={out / 'paddle'}"])
    module.before_training()

    def step(number: int) -> None:
        module.backward(number)
        module.optimizer_step(number + 1)

    return step


def pytorch(out: Path, tokens: int, attention: str, bf16: bool) -> Callable[[int], object]:
    """A step of the PyTorch side, its queue full of drawn vectors."""
    import torch
    from pytorch_side import PyTorchSide, Settings

    torch.set_num_threads(THREADS)
    arrays = np.load(out / "batches.npz")
    vocabulary = arrays.get("vocabulary")
    settings = Settings(**json.loads((out / "settings.json").read_text()))
    side = PyTorchSide(out / "torch", settings, arrays["projection"], vocabulary, attention, bf16)
    side.queue.normal_()
    side.queue_texts = np.zeros((len(side.queue), arrays["0/xlco/text"].shape[1]), np.int64)

    def step(number: int) -> None:
        batches = {
            name: list(micro_batches(batch_of(arrays, number, name), tokens))
            for name in ("mlm", "tlm", "xlco")
        }
        side.step(batches, 1e-5)

    return step


def batch_of(arrays: Mapping[str, np.ndarray], step: int, name: str) -> dict[str, np.ndarray]:
    """The arrays of one stream's batch."""
    prefix = f"{step}/{name}/"
    return {x.removeprefix(prefix): arrays[x] for x in arrays if x.startswith(prefix)}


def tokens_of(batch: Mapping[str, np.ndarray]) -> np.ndarray:
    """The tokens of each example, those of both sides of a contrast."""
    sides = [batch[name] for name in ("input_ids", "key_ids") if name in batch]
    return sum((side != PAD_ID).sum(axis=1) for side in sides)


def micro_batches(batch: dict[str, np.ndarray], tokens: int) -> Iterator[dict[str, np.ndarray]]:
    """Examples of similar length together, the longest first, cut to their own longest."""
    lengths = tokens_of(batch)
    order, start = np.argsort(-lengths, kind="stable"), 0
    while start < len(order):
        rows = order[start : start + max(1, tokens // int(lengths[order[start]]))]
        start += len(rows)
        chosen = {name: values[rows] for name, values in batch.items()}
        for name in ("input_ids", "key_ids", "labels"):
            if name in chosen:
                ids = chosen["input_ids" if name == "labels" else name]
                width = int((ids != PAD_ID).sum(axis=1).max())
                chosen[name] = np.ascontiguousarray(chosen[name][:, :width])
        yield chosen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("side", choices=["prepare", "ours", "pytorch"])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--tokens", type=int, default=0)
    parser.add_argument("--attention", default="sdpa")
    parser.add_argument("--bf16", action="store_true")
    arguments, words = parser.parse_known_args()
    if arguments.side == "prepare":
        prepare(arguments.out, arguments.steps, words)
        print(json.dumps({}))
        return
    if arguments.side == "ours":
        step = ours(arguments.out, words)
    else:
        step = pytorch(arguments.out, arguments.tokens, arguments.attention, arguments.bf16)
    step(0)
    started = time.perf_counter()
    for number in range(1, arguments.steps + 1):
        step(number)
    seconds = time.perf_counter() - started
    arrays = np.load(arguments.out / "batches.npz")
    tokens = sum(
        int(tokens_of(batch_of(arrays, number, name)).sum())
        for number in range(1, arguments.steps + 1)
        for name in ("mlm", "tlm", "xlco")
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"tokens_per_second": tokens / seconds, "peak_mb": peak}))


if __name__ == "__main__":
    main()
