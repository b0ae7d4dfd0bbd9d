"""Our side: the package's own train module and evaluator, as `train` and `evaluate` call them."""

import argparse
from pathlib import Path

from texts import STEP, measured, read, read_languages, windows
from worker import serve

from infoxlm.hardware.environment import load_paddle, prepare_environment
from infoxlm.schema import Amp, HardwareConfig


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("model", "train_file", "xnli_root"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=20480)
    parser.add_argument("--score_rows", type=int, default=20)
    for name in ("micro_batch_tokens", "eval_batch_tokens"):
        parser.add_argument(f"--{name}", type=int, default=getattr(HardwareConfig, name))
    parser.add_argument("--amp", choices=["none", "bf16"], default="none")
    parser.add_argument("--active_vocabulary", type=int, default=1)
    parser.add_argument("--quick", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    prepare_environment(arguments.threads)
    load_paddle()

    import tempfile
    import time
    from contextlib import ExitStack
    from functools import cache

    import numpy as np
    from paddle.nn.functional import softmax

    from infoxlm.data.examples import Examples
    from infoxlm.data.sampler import EpochSampler
    from infoxlm.data.xnli import WORDS
    from infoxlm.deploy.runtimes import CheckpointModel
    from infoxlm.deploy.static_scoring import static_graph
    from infoxlm.distributed.ranks import Ranks
    from infoxlm.evaluate.evaluator import Evaluator
    from infoxlm.model.loading import load_classifier
    from infoxlm.model.precision import Precision
    from infoxlm.schema import ModelConfig, OptimizerConfig, SchedulerConfig
    from infoxlm.tasks.classification.objective import ClassificationObjective
    from infoxlm.tasks.stream import TrainingStream
    from infoxlm.tokenization.tokenizer import InfoXLMTokenizer
    from infoxlm.train.randomness import seed_everything
    from infoxlm.train.speed import MatmulBenchmark, training_flops
    from infoxlm.train.train_module import TrainModule

    seed_everything(42)
    tokenizer = InfoXLMTokenizer.from_pretrained(arguments.model)
    pairs = read(arguments.train_file, arguments.pairs)
    token_ids = tokenizer.encode([p for p, _, _ in pairs], [h for _, h, _ in pairs], max_length=128)
    labels = np.array([label for _, _, label in pairs])
    hardware = HardwareConfig(
        "cpu",
        amp=Amp(arguments.amp),
        micro_batch_tokens=arguments.micro_batch_tokens,
        eval_batch_tokens=arguments.eval_batch_tokens,
        active_vocabulary=bool(arguments.active_vocabulary),
    )
    model = load_classifier(
        ModelConfig("measured"), arguments.model, tokenizer.vocab_size, 128,
        labels=WORDS, task_name="classification",
    )  # fmt: skip
    examples = Examples(token_ids, {"labels": labels}, np.arange(len(pairs)))
    sampler, objective = EpochSampler(len(pairs), STEP, 42), ClassificationObjective(model)
    module = TrainModule(
        model,
        [TrainingStream("classification", examples, sampler, objective)],
        optimizer=OptimizerConfig("adamw", 2e-5),
        scheduler=SchedulerConfig("constant"),
        hardware=hardware,
        seed=42,
        steps=1000,
        ranks=Ranks(),
    )
    steps = iter(windows(len(pairs)))
    done = 0

    def train() -> dict:
        nonlocal done
        window = next(steps)
        rows = np.array(measured(window, token_ids.lengths, bool(arguments.quick)))
        started = time.perf_counter()
        module.backward(done, {"classification": rows})
        gradient = time.perf_counter() - started
        done += 1
        module.optimizer_step(done)
        step = time.perf_counter() - started - gradient
        machine = MatmulBenchmark("cpu", hardware.amp)
        machine.measure_if_due()
        flops = training_flops(token_ids.lengths_of(rows), model.config)
        return {
            "gradient": gradient * STEP / len(rows),
            "step": step,
            "pairs_per_second": STEP / (gradient * STEP / len(rows) + step),
            "share_of_machine": flops / gradient / machine.median,
        }

    texts = read_languages(arguments.xnli_root / "test", arguments.score_rows)

    made = ExitStack()

    @cache
    def graph():
        folder = made.enter_context(tempfile.TemporaryDirectory())
        return made.enter_context(static_graph(model, Path(folder)))

    @cache
    def checkpoint():
        """As `infoxlm predict` computes in bf16: weights are narrowed once, and kept."""
        precision = Precision(hardware.amp, constant=True)
        return CheckpointModel(model, len(WORDS), False, precision).run

    def score(fixed: bool = False) -> dict:
        started = time.perf_counter()
        encoded = tokenizer.encode(
            [p for p, _, _ in texts], [h for _, h, _ in texts], max_length=128
        )
        with module.full_table():
            compute = (graph if hardware.amp is Amp.none else checkpoint)() if fixed else None
            evaluator = Evaluator(hardware, compute=compute)
            evaluator.outputs(model, encoded, len(WORDS), softmax)
        seconds = time.perf_counter() - started
        return {"seconds": seconds, "pairs_per_second": len(texts) / seconds}

    with made:
        serve({"train": train, "score": score, "score_alone": lambda: score(fixed=True)})


if __name__ == "__main__":
    main()
