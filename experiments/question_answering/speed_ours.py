"""Our side: the package's own train module and evaluator, as `train` and `evaluate` call them."""

import argparse
import sys
import time
from pathlib import Path

from speed_windows import LENGTH, Windows

from infoxlm.hardware.environment import load_paddle, prepare_environment

sys.path.insert(0, str(Path(__file__).parents[1] / "speed"))

from worker import serve  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("model", "windows"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--step", type=int, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--padded", type=int, default=0, help="compute on padding too")
    arguments = parser.parse_args()
    prepare_environment(arguments.threads)
    load_paddle()

    import numpy as np

    from infoxlm.data.examples import Examples
    from infoxlm.data.sampler import EpochSampler
    from infoxlm.distributed.ranks import Ranks
    from infoxlm.evaluate.evaluator import Evaluator
    from infoxlm.model import InfoXLMModel
    from infoxlm.model.loading import load_question_answerer
    from infoxlm.schema import HardwareConfig, ModelConfig, OptimizerConfig, SchedulerConfig
    from infoxlm.tasks.question_answering.objective import QuestionAnsweringObjective
    from infoxlm.tasks.stream import TrainingStream
    from infoxlm.tokenization.token_ids import TokenIds
    from infoxlm.train.train_module import TrainModule

    if arguments.padded:
        InfoXLMModel.encode_without_padding = lambda *_, **__: None
    windows, hardware = Windows(arguments.windows, arguments.step), HardwareConfig("cpu")
    model = load_question_answerer(
        ModelConfig("measured"), arguments.model, 0, LENGTH, task_name="question_answering"
    )
    # One model and one optimizer for both kinds of windows, one after the other.
    kinds = {kind: TokenIds(*windows.sequences(kind)) for kind in ("train", "full")}
    targets = [windows.targets(kind) for kind in kinds]
    joined = TokenIds.concatenate(list(kinds.values()))
    examples = Examples(
        joined,
        {name: np.concatenate([x[name] for x in targets]) for name in ("start", "end")},
        np.arange(len(joined)),
    )
    first = {"train": 0, "full": len(kinds["train"])}
    sampler = EpochSampler(len(joined), arguments.step, 42)
    module = TrainModule(
        model,
        [TrainingStream("qa", examples, sampler, QuestionAnsweringObjective(model))],
        optimizer=OptimizerConfig("adamw", 2e-5),
        scheduler=SchedulerConfig("constant"),
        hardware=hardware,
        seed=42,
        steps=1000,
        ranks=Ranks(),
    )
    done = 0

    def train(kind: str) -> dict:
        nonlocal done
        rows = windows.rows(kind) + first[kind]
        started = time.perf_counter()
        module.backward(done, {"qa": rows})
        done += 1
        module.optimizer_step(done)
        return {"windows_per_second": len(rows) / (time.perf_counter() - started)}

    def score() -> dict:
        token_ids = TokenIds(*windows.sequences("test"))
        started = time.perf_counter()
        with module.full_table():
            Evaluator(hardware).token_outputs(model, token_ids, 2)
        return {"windows_per_second": len(token_ids) / (time.perf_counter() - started)}

    serve({
        "train_mixed": lambda: train("train"), "train_full": lambda: train("full"), "score": score,
    })  # fmt: skip


if __name__ == "__main__":
    main()
